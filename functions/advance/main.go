// Command advance moves customers through their journeys.
package main

import "journeys/internal/boot"

func main() { boot.Advance() }
