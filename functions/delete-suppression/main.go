// Command delete-suppression serves DELETE /api/v1/suppressions/{channel}/{address}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.DeleteSuppression()) }
