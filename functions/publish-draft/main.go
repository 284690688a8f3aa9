// Command publish-draft serves POST /api/v1/journeys/{id}/draft/publish.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.PublishDraft()) }
