// Command console serves the web console and its settings.
package main

import "journeys/internal/boot/console"

func main() { console.Run() }
