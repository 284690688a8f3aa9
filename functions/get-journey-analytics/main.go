// Command get-journey-analytics serves GET /api/v1/journeys/{id}/analytics.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetJourneyAnalytics()) }
