// Command create-journey serves POST /api/v1/journeys.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.CreateJourney()) }
