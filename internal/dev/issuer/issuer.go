// Package issuer is an identity provider for development: it signs tokens that
// the functions of this machine accept, and serves the key that verifies them.
package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims and lifetime of the issuer's tokens.
const (
	Name     = "journeys-local" // claim iss
	Audience = "journeys"       // claim aud
	subject  = "developer"      // claim sub
	lifetime = 12 * time.Hour
)

// Issuer signs tokens with one RSA key.
type Issuer struct {
	key *rsa.PrivateKey
	kid string
}

// Open returns the issuer whose key is in dir, and creates the key if there is
// none. Every Open of the same directory returns the same key, also when several
// processes create it at the same time.
func Open(dir string) (*Issuer, error) {
	path := filepath.Join(dir, "issuer.pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKey(path); err == nil {
			text, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the issuer's key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("open the issuer's key: %s holds no key; delete it to get another", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("open the issuer's key in %s: %w", path, err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("open the issuer's key: %s holds no RSA key; delete it to get another", path)
	}
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&private.PublicKey))
	return &Issuer{private, base64.RawURLEncoding.EncodeToString(sum[:9])}, nil
}

// createKey creates the file at path atomically. It succeeds if another process
// created the file first.
func createKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// CreateTemp makes files that only their owner can read.
	file, err := os.CreateTemp(filepath.Dir(path), ".issuer-*.pem")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // the key is linked under its own name by then
	err = pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Token returns a token for a tenant and role that is valid for 12 hours from
// now. It validates neither of them.
func (i *Issuer) Token(tenant, role string, now time.Time) (string, error) {
	return i.Sign(map[string]any{
		"iss": Name, "aud": Audience, "sub": subject,
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
		"tenant": tenant, "role": role,
	})
}

// Sign returns a token with exactly these claims.
func (i *Issuer) Sign(claims map[string]any) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	token.Header["kid"] = i.kid
	return token.SignedString(i.key)
}

// ServeHTTP serves the public key as a JSON Web Key Set, at every path.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	encode := base64.RawURLEncoding.EncodeToString
	w.Header().Set("Content-Type", "application/json")
	// It fails only if the client is gone.
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.kid,
		"n": encode(i.key.N.Bytes()),
		"e": encode(big.NewInt(int64(i.key.E)).Bytes()),
	}}})
}
