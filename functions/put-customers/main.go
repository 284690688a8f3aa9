// Command put-customers serves POST /api/v1/customers.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.PutCustomers(), invoke.New) }
