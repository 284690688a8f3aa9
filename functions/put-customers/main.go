// Command put-customers serves POST /api/v1/customers.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.PutCustomers) }
