// Command get-names serves GET /api/v1/names.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetNames()) }
