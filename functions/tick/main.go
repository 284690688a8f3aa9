// Command tick finds due customers every minute and invokes advance for them.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.Tick(invoke.New) }
