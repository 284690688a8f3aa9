package lambda_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
)

// BenchmarkInvoke measures a call of a warm process, with its thaw and freeze.
func BenchmarkInvoke(b *testing.B) {
	l, err := lambda.Start([]manifest.Function{echo}, lambda.Options{
		Dist: dist, Settings: map[string]string{"INIT": ""}, Log: os.Stderr,
	})
	require.NoError(b, err)
	b.Cleanup(l.Stop)
	for b.Loop() {
		_, err := l.Invoke(b.Context(), "echo", []byte(`{}`))
		require.NoError(b, err)
	}
}
