// Command authorizer authenticates callers for API Gateway.
package main

import "journeys/internal/boot/authorizer"

func main() { authorizer.Run() }
