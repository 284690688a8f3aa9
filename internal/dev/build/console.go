package build

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"journeys/internal/manifest"
)

// The source of the console in the module, and its files in dist/.
const consoleSource = "console"

var consoleFiles = filepath.Join(manifest.Console.Name, "web")

// assetReference matches an asset in the text of a page.
var assetReference = regexp.MustCompile(`/(assets/[A-Za-z0-9._-]+)`)

// console writes the web console's files to dist/console/web: the pages of the
// source, its assets under names with a hash of their content, and a compressed
// file beside each. The same source gives the same bytes. Files that are up to
// date are not replaced.
func console(root, dist string) error {
	files, err := consoleBuild(os.DirFS(filepath.Join(root, consoleSource)))
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

// consoleBuild returns the built files by name.
func consoleBuild(source fs.FS) (map[string][]byte, error) {
	assets, err := fs.Glob(source, "assets/*")
	if err != nil {
		return nil, err
	}
	hashed, files := map[string]string{}, map[string][]byte{}
	for _, name := range assets {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		hashed[name] = hashedName(name, text)
		files[hashed[name]] = text
	}
	pages, err := fs.Glob(source, "*.html")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(pages, "index.html") {
		return nil, errors.New("its source has no index.html")
	}
	for _, name := range pages {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		if files[name], err = replaceAssets(text, hashed); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return addCompressed(files)
}

// hashedName returns the name with a hash of the file's content before its
// extension: "assets/console-0123456789.css".
func hashedName(name string, text []byte) string {
	sum := sha256.Sum256(text)
	extension := path.Ext(name)
	return name[:len(name)-len(extension)] + "-" + hex.EncodeToString(sum[:5]) + extension
}

// replaceAssets replaces the names of assets in a page by those with a hash.
func replaceAssets(text []byte, hashed map[string]string) ([]byte, error) {
	var unknown error
	replaced := assetReference.ReplaceAllFunc(text, func(reference []byte) []byte {
		name, ok := hashed[string(reference[1:])]
		if !ok {
			unknown = fmt.Errorf("it names %s, which does not exist", reference)
		}
		return []byte("/" + name)
	})
	return replaced, unknown
}

// addCompressed adds a file compressed with gzip beside each. Its header has
// neither a name nor a time.
func addCompressed(files map[string][]byte) (map[string][]byte, error) {
	all := make(map[string][]byte, 2*len(files))
	for name, text := range files {
		var compressed bytes.Buffer
		w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		_, err = w.Write(text)
		if err := errors.Join(err, w.Close()); err != nil {
			return nil, err
		}
		all[name], all[name+".gz"] = text, compressed.Bytes()
	}
	return all, nil
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
