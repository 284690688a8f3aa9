package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"

	"journeys/internal/manifest"
)

// versioned are the functions that show version.Text. No others are linked with it, so
// that a commit changes the files of no function whose code it does not change.
var versioned = []string{manifest.GetSettings.Function.Name, manifest.Console.Name}

// revisionVariable is the variable that the linker sets to the version.
const revisionVariable = "journeys/internal/version.revision"

// sources are the files and directories of the module that the functions are built from.
var sources = []string{"console", "examples", "go.mod", "go.sum", "functions", "internal"}

// versionDigits is the length of the hash in a version.
const versionDigits = 12

// Version returns the version of the sources of the functions at root, as version.Text
// describes it. It depends on nothing else, so that equal sources make equal files.
func Version(ctx context.Context, root string) (string, error) {
	// The second name fails where the commit is one of a repository around the module.
	commit, err := git(ctx, root, "rev-parse", "HEAD", "HEAD:./go.mod")
	if err != nil {
		return hashSources(root)
	}
	changed, err := git(ctx, root, append([]string{"--no-optional-locks", "status", "--porcelain", "--"}, sources...)...)
	if err != nil {
		return hashSources(root)
	}
	revision := commit[:versionDigits]
	if changed != "" {
		revision += "+dirty"
	}
	return revision, nil
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	return string(bytes.TrimSpace(out)), err
}

// hashSources returns the version of sources without a commit.
func hashSources(root string) (string, error) {
	hash := sha256.New()
	for _, source := range sources {
		if err := hashFiles(hash, os.DirFS(root), source, notSources(consoleSource)); err != nil && !os.IsNotExist(err) {
			return "", fmt.Errorf("hash the sources of the functions: %w", err)
		}
	}
	return "src-" + hex.EncodeToString(hash.Sum(nil))[:versionDigits], nil
}

// hashFiles writes the names and contents of the regular files below dir to a hash, in
// the order of their names, without those in except.
func hashFiles(hash io.Writer, files fs.FS, dir string, except []string) error {
	return fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(except, name):
			return fs.SkipDir
		case !entry.Type().IsRegular() || slices.Contains(except, name):
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(hash, "%s\x00%d\x00%s", name, len(text), text)
		return err
	})
}

// linkFlags returns the flags of go build that link the functions.
func linkFlags(version string) []string {
	flags := []string{"-ldflags=-s -w"}
	for _, name := range versioned {
		flags = append(flags, "-ldflags=./functions/"+name+"=-s -w -X "+revisionVariable+"="+version)
	}
	return flags
}
