package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/sam"
	"journeys/internal/manifest"
)

func TestSAM_SaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	var functions []string
	for _, f := range manifest.Functions() {
		functions = append(functions, f.LogicalID())
	}
	withSAM := t.TempDir() // a PATH with SAM CLI only
	require.NoError(t, os.WriteFile(filepath.Join(withSAM, "sam"), []byte("#!/bin/sh\nexit 1\n"), 0o700))
	for name, row := range map[string]struct{ command, variable, says string }{
		"no SAM CLI":                 {"sam-api", "PATH=/nowhere", sam.ErrNotInstalled.Error()},
		"no SAM CLI to invoke":       {"sam-invoke", "PATH=/nowhere", sam.ErrNotInstalled.Error()},
		"no Java":                    {"sam-api", "PATH=" + withSAM, dynamolocal.ErrNoJava.Error()},
		"a port that does not exist": {"sam-api", "PORT=0", `PORT must be a number from 1 to 65535, not "0"`},
		"a switch of letters":        {"sam-api", "EPHEMERAL=x", `EPHEMERAL must be 1 or 0, not "x"`},
		"no such function":           {"sam-invoke", "FUNCTION=get-journey", "set FUNCTION to one of " + strings.Join(functions, ", ")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := in(command, []string{"PORT=" + freePort(t), "FUNCTION=GetJourney", row.variable}, row.command).CombinedOutput()
			require.Error(t, err)
			require.Equal(t, row.says+"\n", string(out))
		})
	}
}
