// Command unsubscribe serves the links in messages with which customers unsubscribe.
package main

import (
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.Unsubscribe(invoke.New) }
