// Command retry-enrollment serves POST /api/v1/journeys/{id}/enrollments/{customerId}/retry.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/dispatch"
)

func main() { boot.NudgingEndpoint(api.RetryEnrollment, dispatch.Lambda) }
