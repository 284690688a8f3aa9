// Command get-tenant-settings serves GET /api/v1/tenant-settings.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetTenantSettings()) }
