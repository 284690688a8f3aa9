// Command send-test serves POST /api/v1/journeys/{id}/nodes/{nodeId}/send-test.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/providers"
)

func main() { boot.SendingEndpoint(api.SendTest(), providers.New) }
