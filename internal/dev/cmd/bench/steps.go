package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// measureSteps runs the Go benchmarks of conditions and steps.
func measureSteps(ctx context.Context, _ *rig) ([]row, error) {
	best, err := goBench(ctx)
	if err != nil {
		return nil, err
	}
	eval := best["BenchmarkEval/ours"]
	const why = "Compare the ratios to expr and cel, measured in the same run."
	return []row{
		{what: "condition: time", measured: eval["ns/op"], unit: " ns", floor: atMost(120), why: why},
		{what: "condition: allocations", measured: eval["allocs/op"], floor: atMost(0)},
		{what: "condition: expr takes", measured: best["BenchmarkEval/expr"]["ns/op"] / eval["ns/op"], unit: "x", floor: atLeast(1)},
		{what: "condition: allocations of expr", measured: best["BenchmarkEval/expr"]["allocs/op"]},
		{what: "condition: cel takes", measured: best["BenchmarkEval/cel"]["ns/op"] / eval["ns/op"], unit: "x", floor: atLeast(1)},
		{what: "condition: allocations of cel", measured: best["BenchmarkEval/cel"]["allocs/op"]},
		{what: "steps per second on one core", measured: 1e9 / best["BenchmarkStep"]["ns/op"], floor: atLeast(1e6), why: why},
		{what: "step: allocations", measured: best["BenchmarkStep"]["allocs/op"], floor: atMost(0)},
	}, nil
}

// goBench returns the minimum of each figure of each benchmark over 50 short
// runs, some of which run uninterrupted on a busy machine too.
func goBench(ctx context.Context) (map[string]map[string]float64, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^(BenchmarkEval|BenchmarkStep)$", "-benchmem",
		"-cpu", "1", "-p", "1", "-count", "50", "-benchtime", "20000x", "./internal/condition", "./internal/journey")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run the benchmarks: %w\n%s", err, out)
	}
	best := map[string]map[string]float64{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		figures := best[fields[0]]
		if figures == nil {
			figures = map[string]float64{}
			best[fields[0]] = figures
		}
		for i := 2; i+1 < len(fields); i += 2 {
			n, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("read %q: %w", line, err)
			}
			if old, ok := figures[fields[i+1]]; ok {
				n = math.Min(n, old)
			}
			figures[fields[i+1]] = n
		}
	}
	for _, name := range []string{"BenchmarkEval/ours", "BenchmarkEval/expr", "BenchmarkEval/cel", "BenchmarkStep"} {
		if best[name]["ns/op"] == 0 {
			return nil, fmt.Errorf("no result of %s", name)
		}
	}
	return best, nil
}
