// Command get-settings serves GET /api/v1/settings.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetSettings()) }
