package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"journeys/internal/engine"
	"journeys/internal/manifest"
)

// envReserved is the highest sum of the concurrency that prod may reserve. The rest of
// the account's is for the functions of routes and for what else runs in the account.
const envReserved = "JOURNEYS_RESERVED_CONCURRENCY"

// readConcurrency returns the concurrency that prod reserves for each function, by
// name; 0 is none. The error lists each function if prod is among the stages and their
// sum is too high.
func (s settings) readConcurrency(getenv func(string) string) (map[string]int, error) {
	highest, err := parsePositive(envReserved, cmp.Or(getenv(envReserved), strconv.Itoa(manifest.ReservedConcurrency)))
	if err != nil {
		return nil, err
	}
	advance, err := engine.ParseConcurrency(s.functions[manifest.EnvConcurrency])
	if err != nil {
		return nil, fmt.Errorf("%s %w", manifest.EnvConcurrency, err)
	}
	reserved, sum := map[string]int{}, 0
	for _, f := range manifest.Functions() {
		reserved[f.Name] = f.Concurrency
		if f.Name == manifest.Advance.Name {
			reserved[f.Name] = advance
		}
		sum += reserved[f.Name]
	}
	if sum > highest && slices.Contains(s.stages, prodStage) {
		return nil, fmt.Errorf("the functions of prod reserve a concurrency of %d, more than %s (%d): %s",
			sum, envReserved, highest, list(reserved))
	}
	return reserved, nil
}

// list returns the functions that reserve concurrency, the highest first.
func list(reserved map[string]int) string {
	var lines []string
	functions := slices.DeleteFunc(manifest.Functions(), func(f manifest.Function) bool { return reserved[f.Name] == 0 })
	slices.SortStableFunc(functions, func(a, b manifest.Function) int { return reserved[b.Name] - reserved[a.Name] })
	for _, f := range functions {
		lines = append(lines, fmt.Sprintf("%s %d", f.Name, reserved[f.Name]))
	}
	return strings.Join(lines, ", ")
}

func parsePositive(name, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q: want a whole number above 0", name, text)
	}
	return n, nil
}
