// Command feedback records what became of messages.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.Feedback(invoke.New) }
