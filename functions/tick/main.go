// Command tick finds due customers each minute and invokes advance with them.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/dispatch"
)

func main() { boot.Tick(dispatch.Lambda) }
