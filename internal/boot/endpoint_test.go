package boot

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/manifest"
)

func TestReadCatalog_RefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	c, err := readCatalog(map[string]string{manifest.EnvCatalog: `{"channels":{"*":{"type":"http"}}}`})
	require.NoError(t, err)
	require.Equal(t, catalog.List{"*": {Kind: "http"}}, c.Channels)

	c, err = readCatalog(map[string]string{manifest.EnvTable: "t"})
	require.NoError(t, err)
	require.Zero(t, c)

	// What only advance may have is refused.
	_, err = readCatalog(map[string]string{manifest.EnvCatalog: `{"channels":{"*":{"type":"http","secret":"whsec_"}}}`})
	require.ErrorContains(t, err, "JOURNEYS_CATALOG: ")
}
