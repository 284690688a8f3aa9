// Command rollup folds the counters of closed days and audits the figures, each
// hour.
package main

import "journeys/internal/boot"

func main() { boot.Rollup() }
