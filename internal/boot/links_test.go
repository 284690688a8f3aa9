package boot

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// A client that is linked is made ready at each start, and is half a megabyte
// and more of the file, whether it is called or not.
func TestFunctionsLinkOnlyTheClientsThatTheyCall(t *testing.T) {
	t.Parallel()

	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "journeys/functions/...").Output()
	require.NoError(t, err)
	links := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		for _, dependency := range words[1:] {
			client, ok := strings.CutPrefix(dependency, "github.com/aws/aws-sdk-go-v2/service/")
			// The SDK's own way to keys brings four clients; of them nothing is called.
			if ok && !strings.Contains(client, "/") && !slices.Contains([]string{"signin", "sso", "ssooidc", "sts"}, client) {
				name := strings.TrimPrefix(words[0], "journeys/functions/")
				links[name] = append(links[name], client)
			}
		}
	}
	for _, f := range manifest.Functions() {
		if f.Name == manifest.Advance.Name {
			continue // its channels are many
		}
		var want []string
		if len(f.Actions) > 0 {
			want = append(want, "dynamodb")
		}
		if f.Invokes != "" {
			want = append(want, "lambda")
		}
		require.Equal(t, want, links[f.Name], f.Name)
	}
}
