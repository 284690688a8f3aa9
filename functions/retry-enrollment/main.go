// Command retry-enrollment serves POST /api/v1/journeys/{id}/enrollments/{customerId}/retry.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.RetryEnrollment(), invoke.New) }
