// Command get-customer serves GET /api/v1/customers/{customerId}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.GetCustomer()) }
