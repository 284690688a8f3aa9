// Command count counts the writes of enrollments from the stream of the table.
package main

import "journeys/internal/boot"

func main() { boot.Count() }
