package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxIdle is the highest price of an idle prod stack a month, in cents.
const maxIdle = 370

// priceRow matches a row of the table; its groups are the subject, the dollars and the
// cents.
var priceRow = regexp.MustCompile(`^\| ([^|]+) \|.*\| (?:\*\*)?(\d+)\.(\d\d)(?:\*\*)? \|\n$`)

var alarmsRow = regexp.MustCompile(`(\d+) alarms on (\d+) metrics.* ten are free: (\d+) x \$0\.10`)

// The table of docs/cost.md adds up, counts the alarms that the stack has, and README
// says the same.
func TestCost_OfIdleStacksIsWhatTheDocsSay(t *testing.T) {
	page, err := os.ReadFile("../docs/cost.md")
	require.NoError(t, err)
	_, idle, ok := strings.Cut(string(page), "\n## Idle\n")
	require.True(t, ok)
	idle, _, _ = strings.Cut(idle, "\n\n## ")

	sum, totals := 0, map[string]int{}
	for line := range strings.Lines(idle) {
		row := priceRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		price, err := strconv.Atoi(row[2] + row[3])
		require.NoError(t, err, line)
		if stage, ok := strings.CutPrefix(row[1], "**`"); ok {
			require.Equal(t, sum, price, "the rows above add up: %s", line)
			totals[strings.TrimSuffix(stage, "`**")] = price
			continue
		}
		sum += price
	}
	require.LessOrEqual(t, totals[prodStage], maxIdle)

	alarms, metrics := 0, 0
	for _, a := range synthesized(t)[prodStage].ofType("AWS::CloudWatch::Alarm") {
		alarms++
		metrics++
		if math, ok := a.Properties["Metrics"].([]any); ok {
			metrics += len(math) - 2 // the expression is no metric
		}
	}
	row := alarmsRow.FindStringSubmatch(idle)
	require.NotEmpty(t, row)
	require.Equal(t, []string{strconv.Itoa(alarms), strconv.Itoa(metrics), strconv.Itoa(metrics - 10)}, row[1:])

	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	dollars := func(stage string) string { return fmt.Sprintf("$%d.%02d", totals[stage]/100, totals[stage]%100) }
	require.Contains(t, string(readme), "the `dev` stage "+dollars(devStage)+" a month idle, `prod` with all its alarms "+dollars(prodStage))
	t.Logf("idle: dev %s, prod %s, with %d alarms on %d metrics", dollars(devStage), dollars(prodStage), alarms, metrics)
}

// A dashboard of more than 50 metrics costs $3 a month.
func TestDashboard_IsOneOfTheFreeOnes(t *testing.T) {
	for stage, template := range synthesized(t) {
		var dashboard struct {
			Widgets []struct {
				Properties struct {
					Title   string
					Metrics [][]any
				}
			}
		}
		body := resolve(only(template.ofType("AWS::CloudWatch::Dashboard")).Properties["DashboardBody"])
		require.NoError(t, json.Unmarshal([]byte(body), &dashboard))
		metrics, titles := 0, ""
		for _, w := range dashboard.Widgets {
			metrics += len(w.Properties.Metrics)
			titles += w.Properties.Title + "\n"
		}
		require.LessOrEqual(t, metrics, 50, stage)
		t.Logf("%s: %d metrics", stage, metrics)
		for _, own := range []string{"OldestDue", "ShardsUnread", "CustomersLeft", "CustomersDue"} {
			require.Contains(t, body, own, titles)
		}
	}
}
