// Command enroll-customers serves POST /api/v1/journeys/{id}/enroll.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.EnrollCustomers) }
