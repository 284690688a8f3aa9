package build

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"journeys/internal/manifest"
)

// Directories and files of the console.
const (
	consoleSource = "console"  // the npm package in the module
	consoleBuilt  = "build"    // in the package: what `npm run build` wrote
	sourcesFile   = ".sources" // in consoleBuilt: the hash of the sources that it was built from
)

// besideConsole are files and directories beside the package that it is built from: its
// types, and the journeys to begin with.
var besideConsole = []string{"openapi.yaml", "examples"}

// consoleFiles are the console's files in dist/.
var consoleFiles = filepath.Join(manifest.Console.Name, "web")

// notSources returns the entries of the console's package in dir that its files do not
// depend on.
func notSources(dir string) []string {
	var names []string
	for _, name := range []string{"node_modules", consoleBuilt, "generated", "test", "README.md"} {
		names = append(names, path.Join(dir, name))
	}
	return names
}

// console writes the web console's files to dist/console/web: what npm builds from
// its package, and a compressed file beside each. npm runs only if the sources
// changed. The same sources give the same bytes. Files that are up to date are not
// replaced.
func console(ctx context.Context, root, dist string, log io.Writer) error {
	files, err := consoleBuild(ctx, root, log)
	if err != nil {
		return fmt.Errorf("build the console: %w", err)
	}
	web := filepath.Join(dist, consoleFiles)
	// In this order a page is written after the assets that it names.
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(filepath.Join(web, filepath.FromSlash(name)), files[name]); err != nil {
			return fmt.Errorf("build the console: %w", err)
		}
	}
	return removeOthers(web, files)
}

// consoleBuild returns the built files by name. It holds a lock of the package, which
// several modules may share by a link.
func consoleBuild(ctx context.Context, root string, log io.Writer) (map[string][]byte, error) {
	source, err := filepath.EvalSymlinks(filepath.Join(root, consoleSource))
	if err != nil {
		return nil, err
	}
	if source, err = filepath.Abs(source); err != nil {
		return nil, err
	}
	unlock, err := lock(filepath.Join(filepath.Dir(source), ".local", "console.lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := runConsoleBuild(ctx, root, source, log); err != nil {
		return nil, err
	}
	return readBuilt(os.DirFS(filepath.Join(source, consoleBuilt)))
}

// runConsoleBuild runs the package's build, unless it ran for these sources.
func runConsoleBuild(ctx context.Context, root, source string, log io.Writer) error {
	sources, err := hashConsole(source)
	if err != nil {
		return err
	}
	mark := filepath.Join(source, consoleBuilt, sourcesFile)
	if built, err := os.ReadFile(mark); err == nil && string(built) == sources {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(source, consoleBuilt)); err != nil {
		return err
	}
	bin, err := filepath.Abs(filepath.Join(root, nodePackages, "node_modules", ".bin"))
	if err != nil {
		return err
	}
	// The tools' Node.js comes first, so that every machine builds with the same one.
	n := npm{dir: source, path: bin, log: log}
	if err := installPackages(ctx, n, "--ignore-scripts"); err != nil {
		return err
	}
	for _, script := range []string{"generate", "build"} {
		if err := n.run(ctx, "npm run "+script, "run", "--silent", script); err != nil {
			return err
		}
	}
	return os.WriteFile(mark, []byte(sources), 0o644)
}

// hashConsole returns a hash of what the console is built from.
func hashConsole(source string) (string, error) {
	hash := sha256.New()
	if err := hashFiles(hash, os.DirFS(source), ".", notSources("")); err != nil {
		return "", err
	}
	for _, name := range besideConsole {
		err := hashFiles(hash, os.DirFS(filepath.Dir(source)), name, nil)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// readBuilt reads a build, and adds a file compressed with gzip beside each. Its
// header has neither a name nor a time.
func readBuilt(built fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == sourcesFile {
			return err
		}
		text, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		files[name] = text
		files[name+".gz"], err = compress(text)
		return err
	})
	if err == nil && files["index.html"] == nil {
		err = errors.New("npm run build wrote no index.html")
	}
	return files, err
}

func compress(text []byte) ([]byte, error) {
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	err = errors.Join(err, w.Close())
	return compressed.Bytes(), err
}

// writeFile replaces a file atomically, unless it has this content already.
func writeFile(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name+".next", text, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".next", name)
}

// removeOthers removes the files of a directory that are not among these.
func removeOthers(dir string, files map[string][]byte) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if _, ok := files[filepath.ToSlash(relative)]; ok {
			return nil
		}
		return os.Remove(name)
	})
}
