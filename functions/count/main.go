// Command count counts enrollments from the table's stream.
package main

import "journeys/internal/boot"

func main() { boot.Count() }
