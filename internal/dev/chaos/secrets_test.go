package chaos

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireNoSecretLogged shows that the functions logged no secret, whatever went wrong
// with the decision service, whose requests are signed.
func (w *world) requireNoSecretLogged(t *testing.T) {
	t.Helper()
	key := strings.Repeat("A", 32)
	require.Contains(t, providers, "whsec_"+key)
	text, err := os.ReadFile(w.log)
	require.NoError(t, err)
	require.NotContains(t, string(text), key)
	require.NotContains(t, string(text), "whsec_")
}
