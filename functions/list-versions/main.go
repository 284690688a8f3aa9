// Command list-versions serves GET /api/v1/journeys/{id}/versions.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.ListVersions()) }
