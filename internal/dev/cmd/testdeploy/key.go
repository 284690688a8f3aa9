package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"journeys/internal/manifest"
)

// makeKey runs what `make deploy` runs before the CDK, twice.
func (d *deployment) makeKey(ctx context.Context) (string, error) {
	command := filepath.Join(d.dir, "key")
	if _, err := d.command(ctx, "build-key", d.root, os.Environ(), "go", "build", "-o", command, "./internal/dev/cmd/key"); err != nil {
		return "", err
	}
	for _, run := range []struct{ name, want string }{{"make-key", "made"}, {"make-key-again", "is there"}} {
		text, err := d.command(ctx, run.name, d.root, awsEnvironment(d.emulator.url, d.dir), command)
		if err != nil {
			return "", err
		}
		if !strings.Contains(text, run.want) {
			return "", fmt.Errorf("%s printed %q, not that the key %s", run.name, text, run.want)
		}
	}
	return manifest.DefaultKey + ", made once", nil
}
