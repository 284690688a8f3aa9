package key_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent/key"
	"journeys/internal/ident"
)

var (
	acme, _     = ident.ParseTenant("acme")
	umbrella, _ = ident.ParseTenant("umbrella")
	text        = encode(bytes.Repeat([]byte{7}, key.Size))
)

func encode(secret []byte) string { return base64.StdEncoding.EncodeToString(secret) }

func parse(t *testing.T, text string) key.Key {
	t.Helper()
	k, err := key.Parse(text)
	require.NoError(t, err)
	return k
}

func TestParse_TakesExactly32BytesAndQuotesNone(t *testing.T) {
	t.Parallel()
	require.Equal(t, parse(t, text), parse(t, " "+text+"\n"))
	for _, wrong := range []string{
		"", "secret", encode(make([]byte, 31)), encode(make([]byte, 33)), text + "=", text[:len(text)-1], text[:20] + "\n" + text[20:] + "x",
		hex.EncodeToString(make([]byte, 32)),
	} {
		_, err := key.Parse(wrong)
		require.EqualError(t, err, "the key must be 32 bytes in base64")
	}
}

// The hash of an address is stored: another one would find no suppression again.
func TestAddress_HashNeverChanges(t *testing.T) {
	t.Parallel()
	k := parse(t, text)
	require.Equal(t, "55ff91dc2ddf57746e0ac367663b244050dbff66c9eba84861f27d01a788398a", k.Address(acme, "email", "ada@example.com"))
	require.Equal(t, "d70d9681d6151717567dbef577cfcaec6efc0967f4e5ce7cf061c4ac860d5fbe", k.Address(acme, "phone", "+4917012345678"))
	require.Equal(t, "46719f35e36e02a7bc185a517552047d5dff5a2b5143cd8ee09d811384e096fc", hex.EncodeToString(k.Token("id", "acme")))
}

func TestAddress_IsHashedByTenantAttributeAndKey(t *testing.T) {
	t.Parallel()
	k, other := parse(t, text), parse(t, encode(bytes.Repeat([]byte{8}, key.Size)))
	seen := map[string]bool{}
	for _, hash := range []string{
		k.Address(acme, "device", "+49170123"), k.Address(umbrella, "device", "+49170123"), k.Address(acme, "phone", "+49170123"),
		k.Address(acme, "device", "+49170124"), other.Address(acme, "device", "+49170123"),
		hex.EncodeToString(k.Token("acme", "device", "+49170123")), hex.EncodeToString(k.Token("acmedevice", "+49170123")),
	} {
		require.Len(t, hash, 64)
		require.False(t, seen[hash], "equal hashes")
		seen[hash] = true
	}
	for attribute, none := range map[string]string{"email": " \t", "phone": "none"} {
		require.Empty(t, k.Address(acme, attribute, none))
	}
	require.Panics(t, func() { key.Key{}.Address(acme, "email", "ada@example.com") })
}

func TestSource_ReadsTheKeyOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	source := key.NewSource(func(context.Context) (string, error) {
		reads.Add(1)
		return text, nil
	}, time.Now)
	require.Zero(t, reads.Load(), "nothing is read before it is needed")
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() { _, _ = source.Key(t.Context()) })
	}
	group.Wait()
	got, err := source.Key(t.Context())
	require.NoError(t, err)
	require.Equal(t, parse(t, text), got)
	require.EqualValues(t, 1, reads.Load())

	got, err = key.Fixed(parse(t, text)).Key(t.Context())
	require.NoError(t, err)
	require.Equal(t, parse(t, text), got)
}

func TestSource_RepeatsAReadThatFailedAfterAWhile(t *testing.T) {
	t.Parallel()
	reads, now, answer, fault := 0, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), "", errors.New("the store did not answer")
	source := key.NewSource(func(ctx context.Context) (string, error) {
		reads++
		require.NoError(t, ctx.Err(), "a caller without time must not spoil the read")
		return answer, fault
	}, func() time.Time { return now })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		_, err := source.Key(gone)
		require.ErrorIs(t, err, fault)
	}
	require.Equal(t, 1, reads)

	answer, fault = "no key", nil
	now = now.Add(5 * time.Second)
	_, err := source.Key(gone)
	require.EqualError(t, err, "key of the installation not read: the key must be 32 bytes in base64")
	require.Equal(t, 2, reads)

	answer = text
	now = now.Add(-time.Hour) // a clock that went back
	got, err := source.Key(gone)
	require.NoError(t, err)
	require.Equal(t, parse(t, text), got)
	require.Equal(t, 3, reads)
}
