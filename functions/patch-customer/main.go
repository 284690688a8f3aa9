// Command patch-customer serves PATCH /api/v1/customers/{customerId}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.PatchCustomer(), invoke.New) }
