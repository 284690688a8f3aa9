// Command put-event serves POST /api/v1/events.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.PutEvent) }
