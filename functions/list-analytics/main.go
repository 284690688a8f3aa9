// Command list-analytics serves GET /api/v1/analytics.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.ListAnalytics()) }
