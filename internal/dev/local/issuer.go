package local

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

// What the development issuer's tokens say.
const (
	IssuerName    = "journeys-local"
	Audience      = "journeys"
	tokenLifetime = 12 * time.Hour
)

// Issuer makes tokens that the functions of this machine accept. It stands in
// for a real identity provider and is never deployed.
type Issuer struct {
	key *rsa.PrivateKey
	kid string
}

// OpenIssuer returns the issuer whose key is in dir, and makes the key when
// there is none. Whoever opens the same dir has the same key, also when several
// processes do it at once.
func OpenIssuer(dir string) (*Issuer, error) {
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

// createKey makes the file whole or not at all. That another process was first
// is no failure.
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
	defer func() { _ = os.Remove(file.Name()) }() // the key has its other name by then
	err = pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Token returns a token for any tenant and role, as they are, for 12 hours
// from now.
func (i *Issuer) Token(tenant, role string, now time.Time) (string, error) {
	return i.Sign(map[string]any{
		"iss": IssuerName, "aud": Audience, "sub": "developer",
		"iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
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
	// A client that is gone needs no keys.
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.kid,
		"n": encode(i.key.N.Bytes()),
		"e": encode(big.NewInt(int64(i.key.E)).Bytes()),
	}}})
}
