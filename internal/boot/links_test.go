package boot

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// A linked client is initialized at each start and adds half a megabyte and more
// to the file, even if it is never called. The clients of signin, sso, ssooidc
// and sts come with the SDK's config package, which no function may link.
func TestFunctions_LinkOnlyTheClientsTheyCall(t *testing.T) {
	t.Parallel()

	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "journeys/functions/...").Output()
	require.NoError(t, err)
	links := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		for _, dependency := range words[1:] {
			client, ok := strings.CutPrefix(dependency, "github.com/aws/aws-sdk-go-v2/service/")
			if ok && !strings.Contains(client, "/") {
				name := strings.TrimPrefix(words[0], "journeys/functions/")
				links[name] = append(links[name], client)
			}
		}
	}
	for _, f := range manifest.Functions() {
		var want []string
		if slices.Contains(f.Env, manifest.EnvTable) {
			want = append(want, "dynamodb")
		}
		if len(f.Invokes) > 0 {
			want = append(want, "lambda")
		}
		if f.Sends() {
			want = append(want, "eventbridge", "lambda", "pinpointsmsvoicev2", "sesv2", "sns") // of its channels
		}
		require.Equal(t, want, links[f.Name], f.Name)
	}
}
