// Command advance moves customers through their journeys.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/providers"
)

func main() { boot.Advance(providers.New) }
