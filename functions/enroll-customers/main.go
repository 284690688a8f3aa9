// Command enroll-customers serves POST /api/v1/journeys/{id}/enroll.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/dispatch"
)

func main() { boot.NudgingEndpoint(api.EnrollCustomers, dispatch.Lambda) }
