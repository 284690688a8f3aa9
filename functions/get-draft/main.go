// Command get-draft serves GET /api/v1/journeys/{id}/draft.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetDraft()) }
