// Command put-suppression serves PUT /api/v1/suppressions/{channel}/{address}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.PutSuppression()) }
