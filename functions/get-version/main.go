// Command get-version serves GET /api/v1/journeys/{id}/versions/{version}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetVersion()) }
