// Command iam prints, as a Markdown table, what each function's role allows.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"journeys/internal/manifest"
)

func main() {
	_, _ = fmt.Fprint(os.Stdout, table(manifest.Functions())) // nobody is left to tell
}

// table writes one row per function, sorted by name.
func table(functions []manifest.Function) string {
	slices.SortFunc(functions, func(a, b manifest.Function) int { return strings.Compare(a.Name, b.Name) })
	var rows strings.Builder
	rows.WriteString("| Function | `dynamodb:` actions | on | invokes |\n| --- | --- | --- | --- |\n")
	for _, f := range functions {
		actions, on := "none", "nothing"
		if len(f.Actions) > 0 {
			actions, on = "`"+strings.Join(f.Actions, "`, `")+"`", "the table"
		}
		if f.Index {
			on = "the table and its index `" + manifest.DueIndex + "`"
		}
		if f.Stream != nil {
			on += ", and reads its stream"
		}
		invokes := "nothing"
		if f.Invokes != "" {
			invokes = "`" + f.Invokes + "`"
		}
		fmt.Fprintf(&rows, "| `%s` | %s | %s | %s |\n", f.Name, actions, on, invokes)
	}
	rows.WriteString("\nEach may also write to its own log group and send traces to X-Ray, and nothing else.\n" +
		"Those that may touch the table are denied `PartiQLSelect` where it would scan the table.\n")
	return rows.String()
}
