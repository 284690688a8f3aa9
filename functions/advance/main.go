// Command advance moves customers through their journeys.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/effects"
)

func main() { boot.Advance(effects.New) }
