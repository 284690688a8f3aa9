// Command delete-customer serves DELETE /api/v1/customers/{customerId}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.DeleteCustomer()) }
