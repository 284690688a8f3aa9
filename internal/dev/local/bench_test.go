package local_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

// BenchmarkInvoke measures a call of a warm process: thawed, called, frozen.
func BenchmarkInvoke(b *testing.B) {
	l, err := local.StartLambda([]manifest.Function{echo}, local.LambdaOptions{
		Dist: dist, Settings: map[string]string{"INIT": ""}, Log: os.Stderr,
	})
	require.NoError(b, err)
	b.Cleanup(l.Stop)
	for b.Loop() {
		_, err := l.Invoke(b.Context(), "echo", []byte(`{}`))
		require.NoError(b, err)
	}
}
