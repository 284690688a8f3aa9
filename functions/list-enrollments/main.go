// Command list-enrollments serves GET /api/v1/journeys/{id}/enrollments.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.ListEnrollments()) }
