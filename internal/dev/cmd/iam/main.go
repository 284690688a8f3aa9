// Command iam prints what each function's role allows, as docs/security.md shows
// it.
package main

import (
	"fmt"
	"os"

	"journeys/internal/dev/agree"
	"journeys/internal/manifest"
)

func main() {
	if _, err := fmt.Print(agree.IAMTable(manifest.Functions())); err != nil {
		os.Exit(1)
	}
}
