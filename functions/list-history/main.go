// Command list-history serves GET /api/v1/journeys/{id}/history.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.ListHistory()) }
