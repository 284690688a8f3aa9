// Command tick finds who is due, each minute, and starts workers on them.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/dispatch"
)

func main() { boot.Tick(dispatch.Lambda) }
