// Command get-journey serves GET /api/v1/journeys/{id}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetJourney()) }
