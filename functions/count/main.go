// Command count counts what the table's stream tells of enrollments.
package main

import "journeys/internal/boot"

func main() { boot.Count() }
