// Command delete-draft serves DELETE /api/v1/journeys/{id}/draft.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.DeleteDraft()) }
