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

// How the issuer's keys are kept. Nothing runs in the background, because
// Lambda freezes the process between calls: keys are fetched when a token needs
// them.
const (
	refreshAfter = 15 * time.Minute // age from which a use fetches them again; a withdrawn key works as long
	staleAfter   = 24 * time.Hour   // age from which they are not used, although none newer can be had
	fetchTimeout = 2 * time.Second
	maxKeySet    = 1 << 20 // bytes

	// A token of an unknown key fetches the keys at once, so that a rotated
	// key works at once; after one in vain, the next such fetch has to wait.
	// So forged tokens cause one fetch in this time, however many they are.
	missPause = 30 * time.Second

	// After a failed fetch: a token of a known key waits for the next one
	// longer, since each may cost it fetchTimeout for nothing.
	failPause      = 5 * time.Second
	failPauseKnown = time.Minute
)

var (
	errFetch      = errors.New("the issuer's keys cannot be fetched")
	errUnknownKey = errors.New("the issuer has no such key")
)

// keyID names a key for one algorithm, so that a token cannot choose another
// than the key is for. Kid is "" for keys without a name.
type keyID struct{ kid, alg string }

type keys struct {
	url    string
	client http.Client
	now    func() time.Time

	mu        sync.Mutex // held while fetching: who needs a new key has to wait for it anyway
	byID      map[keyID]crypto.PublicKey
	fetchedAt time.Time // last success
	failedAt  time.Time // last failure
	missedAt  time.Time // last success that lacked the key which it was made for
}

func newKeys(address string, client *http.Client, now func() time.Time) (*keys, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the issuer's keys: %w", err)
	}
	// host.docker.internal is this machine as containers of SAM see it.
	local := []string{"localhost", "127.0.0.1", "::1", "host.docker.internal"}
	if u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !slices.Contains(local, u.Hostname())) {
		return nil, fmt.Errorf("the address of the issuer's keys must be https, is %q", address)
	}
	k := &keys{url: address, client: *client, now: now}
	k.client.Timeout = fetchTimeout
	// A redirect could lead to plain http.
	k.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return k, nil
}

// get returns the key called id, fetching the keys if need be. It returns
// errUnknownKey when the issuer has no such key, errFetch when that cannot be
// known.
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
	request.Close = true // by the next fetch, a kept connection would be dead
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

// segment is base64url without padding.
type segment []byte

// UnmarshalText decodes the segment.
func (s *segment) UnmarshalText(text []byte) (err error) {
	*s, err = base64.RawURLEncoding.DecodeString(string(text))
	return err
}

// parseKeys reads a set of keys. It passes over the keys that it cannot use:
// sets may hold keys of other kinds and for other purposes.
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
		return nil, errors.New("no key that can be used")
	}
	return byID, nil
}

// public returns the key and the algorithms that it may be used with; none
// when the key cannot be used.
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
		return j.elliptic()
	case "OKP":
		if j.Crv == "Ed25519" && len(j.X) == ed25519.PublicKeySize {
			return ed25519.PublicKey(j.X), []string{"EdDSA"}
		}
	}
	return nil, nil
}

func (j jwk) elliptic() (crypto.PublicKey, []string) {
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
