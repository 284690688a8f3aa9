// Command authorizer tells API Gateway who calls.
package main

import "journeys/internal/boot/authorizer"

func main() { authorizer.Run() }
