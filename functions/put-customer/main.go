// Command put-customer serves PUT /api/v1/customers/{customerId}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.PutCustomer(), invoke.New) }
