// Command sweep finds the due customers of a part of the live journeys and invokes
// advance for them.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.Sweep(invoke.New) }
