package journeytest

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
	"journeys/internal/strict"
)

// Definition reads text as a graph. It fails the test if text is not JSON, or
// has a fault that a draft may not have; the graph may be incomplete. Its Hash is a
// hash of the text.
func Definition(t testing.TB, text string) journey.Definition {
	t.Helper()
	var faults strict.Faults
	v, ok := strict.Parse([]byte(text), &faults)
	require.True(t, ok, "malformed JSON: %v", faults.List())
	d, ok := journey.ReadDefinition(v)
	require.True(t, ok, "%v", faults.List())
	sum := sha256.Sum256(d.Raw)
	d.Hash = hex.EncodeToString(sum[:16])
	return d
}
