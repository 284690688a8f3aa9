// Command bench measures every floor of the design, prints the figures beside
// their floors and writes docs/performance.md. Run it in the module's directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	before := load()
	r, err := openRig(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	var rows []row
	for _, part := range []struct {
		name    string
		measure func(context.Context, *rig) ([]row, error)
	}{
		{"the calls' use of the table", measureCalls},
		{"customers in a journey", measureEngine},
		{"counting", measureCount},
		{"the calls of a console", measureConsole},
		{"the gateway and plain HTTP", measureSpeed},
		{"sizes and starts", measureStarts},
		{"conditions and steps", measureSteps},
	} {
		fmt.Fprintln(os.Stderr, "bench: measuring", part.name)
		more, err := part.measure(ctx, r)
		if err != nil {
			return fmt.Errorf("measure %s: %w", part.name, err)
		}
		rows = append(rows, more...)
	}
	table := tableOf(rows)
	spent := spentTable(r.spent, engineCustomers) + "\n## Size and start of each function\n\n" + startTable(r.starts)
	fmt.Print(table, "\n", spent)
	page := pageOf(table, spent, rows, machineText(before))
	path := filepath.Join("docs", "performance.md")
	err = errors.Join(os.MkdirAll("docs", 0o755), os.WriteFile(path, []byte(page), 0o644))
	fmt.Printf("\n%d of %d floors hold; written to %s\n", held(rows), floors(rows), path)
	return err
}
