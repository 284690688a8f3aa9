package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// dataFormats names the formats of the items in a data directory. Until the first
// tag, formats change without a new number and without support for older ones:
// change dataFormats with them.
const dataFormats = "2026-11-30"

// formatsFile is the file of a data directory that contains its dataFormats.
const formatsFile = "formats"

// checkData returns an error if the directory has data in other formats than
// dataFormats. It makes a directory that is missing.
func checkData(dir string) error {
	marker := filepath.Join(dir, formatsFile)
	formats, err := os.ReadFile(marker)
	if err == nil && string(formats) == dataFormats {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the data directory: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the data directory: %w", err)
	}
	if len(files) > 0 {
		return fmt.Errorf("the data in %[1]s has the formats of another version, which this version cannot read: "+
			"remove it with `rm -rf %[1]s`, or choose another port with PORT=", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.WriteFile(marker, []byte(dataFormats), 0o600); err != nil {
		return fmt.Errorf("mark the data directory: %w", err)
	}
	return nil
}
