// Command delete-enrollment serves DELETE /api/v1/journeys/{id}/enrollments/{customerId}.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
)

func main() { boot.Endpoint(api.DeleteEnrollment()) }
