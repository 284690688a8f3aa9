package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// How the issuer's keys are cached. They are fetched when a token needs them, not
// in the background: Lambda freezes the process between calls.
const (
	refreshAfter = 15 * time.Minute // age at which the next use fetches again; a withdrawn key works until then
	staleAfter   = 24 * time.Hour   // age at which keys are not used any more, even if the issuer is down
	fetchTimeout = 2 * time.Second
	maxKeySet    = 1 << 20 // bytes

	// A token with an unknown key causes a fetch, so that a rotated key works
	// at once. If the key is still unknown, further such fetches pause, so that
	// any number of forged tokens causes one fetch per pause.
	missPause = 30 * time.Second

	// Pauses after a failed fetch. Tokens with a known key pause longer, since
	// each attempt may delay them by fetchTimeout without need.
	failPause      = 5 * time.Second
	failPauseKnown = time.Minute
)

var (
	errFetch      = errors.New("the issuer's keys cannot be fetched")
	errUnknownKey = errors.New("the issuer has no such key")
)

// keyID identifies a key and one algorithm, so that a token cannot use a key with
// an algorithm that it is not for. kid is "" for keys without an id.
type keyID struct{ kid, alg string }

// keys fetches and caches the issuer's keys. It may be used by several goroutines.
type keys struct {
	url    string
	client http.Client
	now    func() time.Time

	mu        sync.Mutex // held while fetching, for which callers would wait anyway
	byID      map[keyID]crypto.PublicKey
	fetchedAt time.Time // last success
	failedAt  time.Time // last failure
	missedAt  time.Time // last fetch that lacked the missing key
}

func newKeys(address string, client *http.Client, now func() time.Time) (*keys, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the issuer's keys: %w", err)
	}
	// SAM's containers reach the host as host.docker.internal.
	local := []string{"localhost", "127.0.0.1", "::1", "host.docker.internal"}
	if u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !slices.Contains(local, u.Hostname())) {
		return nil, fmt.Errorf("the address of the issuer's keys must be https, is %q", address)
	}
	k := &keys{url: address, client: *client, now: now}
	k.client.Timeout = fetchTimeout
	// A redirect could lead to unencrypted HTTP.
	k.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return k, nil
}

// get returns a key, and fetches the keys if necessary. It returns errUnknownKey
// if the issuer has no such key, and errFetch if the keys are too old to tell and
// cannot be fetched.
func (k *keys) get(ctx context.Context, id keyID) (crypto.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()

	now := k.now()
	age := now.Sub(k.fetchedAt)
	key, known := k.byID[id]
	known = known && age < staleAfter
	if known && (age < refreshAfter || now.Sub(k.failedAt) < failPauseKnown) {
		return key, nil
	}
	if !known && now.Sub(k.missedAt) < missPause {
		return nil, errUnknownKey
	}
	if !known && now.Sub(k.failedAt) < failPause {
		return nil, errFetch
	}
	if err := k.fetch(ctx); err != nil {
		k.failedAt = k.now()
		if known {
			return key, nil
		}
		return nil, fmt.Errorf("%w: %w", errFetch, err)
	}
	k.fetchedAt = now
	if key, known = k.byID[id]; known {
		return key, nil
	}
	k.missedAt = now
	return nil, errUnknownKey
}

func (k *keys) fetch(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return err
	}
	request.Close = true // the connection would be dead by the next fetch
	response, err := k.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", k.url, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err != nil {
		return err
	}
	if len(body) > maxKeySet {
		return fmt.Errorf("%s answered more than %d bytes", k.url, maxKeySet)
	}
	byID, err := parseKeys(body)
	if err != nil {
		return fmt.Errorf("%s: %w", k.url, err)
	}
	k.byID = byID
	return nil
}

// jwk is one key of a set (RFC 7517, 7518, 8037).
type jwk struct {
	Kty, Kid, Use, Alg, Crv string
	N, E, X, Y              segment
}

// segment is decoded from base64url without padding.
type segment []byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *segment) UnmarshalText(text []byte) (err error) {
	*s, err = base64.RawURLEncoding.DecodeString(string(text))
	return err
}

// parseKeys parses a key set. It skips keys that it cannot use, since a set may
// contain other kinds of keys, and keys for other purposes.
func parseKeys(body []byte) (map[keyID]crypto.PublicKey, error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	byID := map[keyID]crypto.PublicKey{}
	for _, raw := range set.Keys {
		var j jwk
		if json.Unmarshal(raw, &j) != nil || j.Use != "" && j.Use != "sig" {
			continue
		}
		key, algs := j.public()
		for _, alg := range algs {
			if j.Alg == "" || j.Alg == alg {
				byID[keyID{j.Kid, alg}] = key
			}
		}
	}
	if len(byID) == 0 {
		return nil, errors.New("the set has no usable key")
	}
	return byID, nil
}

// public returns the key and the algorithms that it may be used with, none if the
// key is unusable.
func (j jwk) public() (crypto.PublicKey, []string) {
	switch j.Kty {
	case "RSA":
		n, e := new(big.Int).SetBytes(j.N), new(big.Int).SetBytes(j.E)
		if n.BitLen() < 2048 || n.BitLen() > 8192 || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 {
			return nil, nil
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())},
			[]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case "EC":
		return j.publicEC()
	case "OKP":
		if j.Crv == "Ed25519" && len(j.X) == ed25519.PublicKeySize {
			return ed25519.PublicKey(j.X), []string{"EdDSA"}
		}
	}
	return nil, nil
}

// publicEC is public for elliptic curves.
func (j jwk) publicEC() (crypto.PublicKey, []string) {
	curves := map[string]struct {
		curve elliptic.Curve
		alg   string
	}{
		"P-256": {elliptic.P256(), "ES256"},
		"P-384": {elliptic.P384(), "ES384"},
		"P-521": {elliptic.P521(), "ES512"},
	}
	c, ok := curves[j.Crv]
	if !ok {
		return nil, nil
	}
	point := slices.Concat([]byte{4}, j.X, j.Y) // SEC 1, uncompressed
	key, err := ecdsa.ParseUncompressedPublicKey(c.curve, point)
	if err != nil {
		return nil, nil
	}
	return key, []string{c.alg}
}
