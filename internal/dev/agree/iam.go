package agree

import (
	"fmt"
	"slices"
	"strings"

	"journeys/internal/manifest"
)

// IAMTable returns what each function's role allows, as a Markdown table sorted
// by name, and two sentences about all of them. docs/security.md has it in the
// section "iam".
func IAMTable(functions []manifest.Function) string {
	functions = slices.Clone(functions)
	slices.SortFunc(functions, func(a, b manifest.Function) int { return strings.Compare(a.Name, b.Name) })
	var text strings.Builder
	text.WriteString("| Function | `dynamodb:` actions | on | invokes |\n| --- | --- | --- | --- |\n")
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
		if len(f.Invokes) > 0 {
			invokes = "`" + strings.Join(f.Invokes, "`, `") + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", f.Name, actions, on, invokes)
	}
	text.WriteString("\nEvery role also allows its function to write to its own log group and to send traces to X-Ray, and nothing else.\n" +
		"Roles with access to the table deny `PartiQLSelect` where it would scan the table.\n")
	return text.String()
}
