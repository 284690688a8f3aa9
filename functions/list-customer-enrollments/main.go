// Command list-customer-enrollments serves GET /api/v1/customers/{customerId}/enrollments.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.ListCustomerEnrollments()) }
