// Command put-event serves POST /api/v1/events.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/dispatch"
)

func main() { boot.NudgingEndpoint(api.PutEvent, dispatch.Lambda) }
