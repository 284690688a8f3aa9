package sam

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeDocker is a docker whose engine still creates a container of this run, and
// one of another run, when SAM CLI has ended: the third `ps` lists both.
const fakeDocker = `#!/bin/sh
cd "$(/usr/bin/dirname "$0")"
case "$1" in
ps)
	[ "$2" = --all ] || exit 1 # a container that never ran is left too
	echo >>looks
	[ "$(/usr/bin/wc -l <looks)" -lt 3 ] || echo mine other
	;;
inspect)
	[ -e mine-removed ] || echo 'mine ["A=b","TABLE=http://table:1"]'
	echo 'other ["TABLE=http://table:12"]'
	;;
rm)
	for id; do :; done
	echo >"$id-removed"
	;;
esac
`

func TestStop_RemovesContainersThatAppearLate(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte(fakeDocker), 0o700))
	t.Setenv("PATH", bin)
	var log bytes.Buffer
	c := &CLI{options: Options{Log: &log}, marks: []string{"=http://table:1"}, quiet: 2 * time.Second}
	c.removeContainers()
	require.FileExists(t, filepath.Join(bin, "mine-removed"))
	require.NoFileExists(t, filepath.Join(bin, "other-removed"))
	require.Equal(t, "container of SAM CLI removed: mine\n", log.String())
}

func TestStop_IgnoresAMissingEngine(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	c := &CLI{quiet: time.Hour}
	c.removeContainers() // returns
}
