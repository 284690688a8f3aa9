// Command enroll-customers serves POST /api/v1/journeys/{id}/enroll.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.EnrollCustomers(), invoke.New) }
