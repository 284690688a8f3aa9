package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"journeys/internal/dev/cmd/bench/tap"
)

// share is the processor time of one class of functions.
type share struct {
	class string
	took  time.Duration
}

// Classes that do not follow from a function's name.
const (
	classTap  = "the bench's counting proxy"
	classRest = "Go's scheduler and the rest"
)

// classes match a stack's functions from the innermost outwards, the first match
// decides. Stacks of the garbage collector, which collecting matches anywhere,
// come before.
var (
	collecting = regexp.MustCompile(`^runtime\.(gcBgMarkWorker|gcAssistAlloc|bgsweep|bgscavenge|gcStart)`)
	classes    = []struct {
		name  string
		match *regexp.Regexp
	}{
		{"JSON of the table's protocol", regexp.MustCompile(`^encoding/json|go-json-experiment|aws/smithy-go/.*(json|serde)|service/dynamodb\.\(\*Client\).*(erialize)|service/dynamodb(/types|/schemas)?\..*(erialize)|awsAwsjson`)},
		{"signing requests", regexp.MustCompile(`aws/signer|^crypto/(hmac|sha256|internal/fips140/(hmac|sha256))`)},
		{"HTTP and the network", regexp.MustCompile(`^(net/http|net|internal/poll|bufio|crypto/tls|golang\.org/x/net)[./(]|^(internal/)?(runtime/)?syscall\.|^net/textproto`)},
		{"the SDK: middleware, retries", regexp.MustCompile(`^github\.com/aws/`)},
		{"the store: items and statements", regexp.MustCompile(`^journeys/internal/dynamo[./(]`)},
		{"the engine, steps and conditions", regexp.MustCompile(`^journeys/internal/(engine|journey|condition|strict|emf)[./(]`)},
		{"the bench itself", regexp.MustCompile(`^main\.`)},
	}
)

// profile returns the shares of this process's processor time while f runs, the
// largest first.
func profile(ctx context.Context, f func() error) ([]share, error) {
	file, err := os.CreateTemp("", "journeys-bench-*.pprof")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file.Name()) }() // best effort: a temporary file
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	err = f()
	pprof.StopCPUProfile()
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	traces, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", file.Name()).Output()
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	return shares(traces)
}

// stackStart matches the first line of a stack: its time and innermost function.
var stackStart = regexp.MustCompile(`^ +([0-9.]+(?:ns|us|ms|s|mins))   (.+)$`)

// shares adds up the output of `pprof -traces`: stacks between lines of dashes,
// each after its labels.
func shares(traces []byte) ([]share, error) {
	took := map[string]time.Duration{}
	for block := range bytes.SplitSeq(traces, []byte("-----------+")) {
		var stack []string
		var spent time.Duration
		proxied := false
		for line := range strings.Lines(string(block)) {
			line = strings.TrimRight(line, "\n")
			if found := stackStart.FindStringSubmatch(line); found != nil {
				d, err := time.ParseDuration(strings.Replace(found[1], "mins", "m", 1))
				if err != nil {
					return nil, fmt.Errorf("read the profile: %w", err)
				}
				spent, stack = d, []string{strings.TrimSpace(found[2])}
			} else if stack != nil {
				stack = append(stack, strings.TrimSpace(line))
			} else if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == tap.Label {
				proxied = strings.TrimSpace(value) == tap.LabelValue
			}
		}
		took[classOf(stack, proxied)] += spent
	}
	var list []share
	for class, d := range took {
		if d > 0 {
			list = append(list, share{class, d})
		}
	}
	slices.SortFunc(list, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.took, a.took), cmp.Compare(a.class, b.class))
	})
	return list, nil
}

func classOf(stack []string, proxied bool) string {
	if proxied {
		return classTap
	}
	if slices.ContainsFunc(stack, collecting.MatchString) {
		return "the garbage collector"
	}
	for _, function := range stack {
		for _, class := range classes {
			if class.match.MatchString(function) {
				return class.name
			}
		}
	}
	return classRest
}

// spentTable returns the shares as a Markdown table, per customer of n.
func spentTable(list []share, n int) string {
	total := time.Duration(0)
	for _, s := range list {
		total += s.took
	}
	var text strings.Builder
	text.WriteString("| our processor time               | ms a customer | share |\n| -------------------------------- | ------------: | ----: |\n")
	for _, s := range append(list, share{"total", total}) {
		fmt.Fprintf(&text, "| %-32s | %13.3f | %3.0f %% |\n", s.class,
			float64(s.took.Microseconds())/1000/float64(n), 100*s.took.Seconds()/max(total.Seconds(), 1e-9))
	}
	return text.String()
}
