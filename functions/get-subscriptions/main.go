// Command get-subscriptions serves GET /api/v1/customers/{customerId}/subscriptions.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetSubscriptions()) }
