// Command put-customer serves PUT /api/v1/customers/{customerId}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.PutCustomer) }
