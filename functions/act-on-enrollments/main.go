// Command act-on-enrollments serves POST /api/v1/journeys/{id}/enrollments/actions.
package main

import (
	"journeys/internal/api"
	"journeys/internal/boot"
	"journeys/internal/boot/invoke"
)

func main() { boot.InvokingEndpoint(api.ActOnEnrollments(), invoke.New) }
