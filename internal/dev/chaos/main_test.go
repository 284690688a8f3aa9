package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"journeys/internal/dev/build"
)

var (
	firstFlag = flag.Uint64("first", 0, "the first seed to run; `make seeds` begins with 1")
	seedsFlag = flag.Uint64("seeds", 1, "number of seeds to run; `make chaos` runs 20")
	seedFlag  = flag.Int64("seed", -1, "run this seed only")
)

// root is the module's directory.
var root string

func TestMain(m *testing.M) {
	flag.Parse()
	if err := prepare(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare(ctx context.Context) (err error) {
	if root, err = filepath.Abs("../../.."); err != nil {
		return err
	}
	return errors.Join(build.Install(ctx, root, os.Stderr), build.Functions(ctx, root, build.Platform(), os.Stderr))
}
