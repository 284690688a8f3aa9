// Command put-tenant-settings serves PUT /api/v1/tenant-settings.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.PutTenantSettings()) }
