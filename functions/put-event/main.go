// Command put-event serves POST /api/v1/events.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.PutEvent(), invoke.New) }
