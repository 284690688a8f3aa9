// Command rollup folds closed days of the figures and audits them every hour.
package main

import "journeys/internal/boot"

func main() { boot.Rollup() }
