// Command put-subscriptions serves PUT /api/v1/customers/{customerId}/subscriptions.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.PutSubscriptions(), invoke.New) }
