// Command test-journey serves POST /api/v1/journeys/{id}/test.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.TestJourney()) }
