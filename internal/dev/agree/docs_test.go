package agree

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestDocs_IAMTableIsThatOfMakeIAM(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/security.md")
	require.NoError(t, err)
	section, err := Section(page, "iam")
	require.NoError(t, err)
	want := IAMTable(manifest.Functions())
	require.Equal(t, want, section, "docs/security.md must have this section:\n<!-- iam -->\n%s<!-- /iam -->", want)
}

func TestSection_NeedsBothComments(t *testing.T) {
	t.Parallel()
	section, err := Section([]byte("# Title\n<!-- a -->\n| b |\n<!-- /a -->\nc\n"), "a")
	require.NoError(t, err)
	require.Equal(t, "| b |\n", section)
	for _, page := range []string{"", "<!-- a -->\n| b |\n", "| b |\n<!-- /a -->\n", "<!-- b -->\n<!-- /b -->\n"} {
		_, err := Section([]byte(page), "a")
		require.Error(t, err, page)
	}
}

func TestFromAPIDocs_RefusesRepeatedAndShortRows(t *testing.T) {
	t.Parallel()
	for _, rows := range []string{
		"| `GET /journeys` | `list-journeys` | admin |\n| `GET /journeys` | `list-journeys` | admin |\n",
		"| `GET /journeys` | `list-journeys` |\n",
	} {
		_, err := FromAPIDocs([]byte("<!-- endpoints -->\n" + rows + "<!-- /endpoints -->\n"))
		require.Error(t, err, rows)
	}
}
