// Command put-draft serves PUT /api/v1/journeys/{id}/draft.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.PutDraft()) }
