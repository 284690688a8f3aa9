package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/golden"
	"journeys/internal/manifest"
)

const examplesFolder = "../../../examples"

// example is a folder of examples/ with the journey and the personas who walk it.
type example struct {
	name     string
	file     string // journey.json, as it is
	journey  exampleJourney
	personas []persona
	topics   exampleTopics
}

// exampleTopics is a topics.json: the body of PUT /tenant-settings, of a tenant that has
// what the journey needs. A folder without it needs none.
type exampleTopics struct {
	Topics map[string]json.RawMessage `json:"topics"`
}

// exampleJourney is what the tests read of a journey.json.
type exampleJourney struct {
	Name           string `json:"name"`
	EntryCondition struct {
		Event string `json:"event"`
	} `json:"entryCondition"`
	ExitOn []struct {
		Reason string `json:"reason"`
		As     string `json:"as"`
	} `json:"exitOn"`
	Definition struct {
		Nodes []exampleNode `json:"nodes"`
		Edges []exampleEdge `json:"edges"`
	} `json:"definition"`
}

type exampleNode struct {
	ID       string `json:"id"`
	Position *struct {
		X int `json:"x"`
		Y int `json:"y"`
	} `json:"position"`
	Data struct {
		Label string `json:"label"`
	} `json:"data"`
}

type exampleEdge struct {
	Source       string `json:"source"`
	Target       string `json:"target"`
	SourceHandle string `json:"sourceHandle"`
}

// persona is a simulated customer, and what becomes of them.
type persona struct {
	Name     string          `json:"name"`
	Test     json.RawMessage `json:"test"` // the body of POST /journeys/{id}/test
	Expected walk            `json:"expected"`
}

// walk is the part of an answer of /test that personas.json keeps.
type walk struct {
	Outcome    string      `json:"outcome"`
	ExitReason *string     `json:"exitReason"`
	Conversion *conversion `json:"conversion"` // nil for none
	Trace      []visit     `json:"trace"`
}

// conversion is the event by which a customer reaches the goal.
type conversion struct {
	At        string `json:"at"`
	EventType string `json:"eventType"`
}

// visit is a step of a walk.
type visit struct {
	NodeID string          `json:"nodeId"`
	At     string          `json:"at"`
	Result string          `json:"result"`
	Sent   *exampleMessage `json:"sent,omitempty"`  // a message that is sent
	After  map[string]any  `json:"after,omitempty"` // attributes that are changed, by path

	nodeType string
	next     string // id of the next node; "" for none
	endedBy  string // a wait: "timer", "event" or "exit"
	until    string // a wait: when it ended
}

// exitedFromAnywhere reports whether exitOn or exitWhen ended the run at the visit.
func (v visit) exitedFromAnywhere() bool {
	return v.Result == "exited" && v.nodeType != "exit" && (v.nodeType != "wait" || v.endedBy == "exit")
}

// exampleMessage is a message with its placeholders filled.
type exampleMessage struct {
	Channel string         `json:"channel"`
	To      string         `json:"to,omitempty"`
	Payload map[string]any `json:"payload"`
}

// examples returns the folders of examples/.
func examples(t *testing.T) []example {
	t.Helper()
	folders, err := os.ReadDir(examplesFolder)
	require.NoError(t, err)
	var all []example
	for _, folder := range folders {
		if folder.IsDir() {
			all = append(all, readExample(t, folder.Name()))
		}
	}
	require.NotEmpty(t, all)
	return all
}

func readExample(t *testing.T, name string) example {
	t.Helper()
	e := example{name: name}
	read := func(file string, into any) string {
		text, err := os.ReadFile(filepath.Join(examplesFolder, name, file))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, into), "%s/%s", name, file)
		return string(text)
	}
	e.file = read("journey.json", &e.journey)
	read("personas.json", &e.personas)
	if _, err := os.Stat(filepath.Join(examplesFolder, name, "topics.json")); err == nil {
		read("topics.json", &e.topics)
	}
	return e
}

// editor returns an editor of a tenant of its own, which has the topics of the example.
func (e example) editor(t *testing.T) caller {
	t.Helper()
	tenant := newTenant()
	if e.topics.Topics != nil {
		as(t, manifest.Admin, tenant).must(200, "PUT", "/tenant-settings", toJSON(t, e.topics))
	}
	return as(t, manifest.Editor, tenant)
}

// The flow editor shows the nodes where they are, from top to bottom.
func TestExamples_AreDrawnAndDescribed(t *testing.T) {
	t.Parallel()

	table, err := os.ReadFile(filepath.Join(examplesFolder, "README.md"))
	require.NoError(t, err)
	for _, e := range examples(t) {
		require.Contains(t, string(table), "("+e.name+"/README.md)", "the table of examples/README.md")
		text, err := os.ReadFile(filepath.Join(examplesFolder, e.name, "README.md"))
		require.NoError(t, err)
		require.Contains(t, string(text), "# "+e.journey.Name, e.name)

		byID := map[string]exampleNode{}
		for _, n := range e.journey.Definition.Nodes {
			require.NotNil(t, n.Position, "%s: %s", e.name, n.ID)
			require.NotEmpty(t, n.Data.Label, "%s: %s", e.name, n.ID)
			require.LessOrEqual(t, utf8.RuneCountInString(n.Data.Label), 30, "%s: %s", e.name, n.ID)
			for id, other := range byID {
				apart := max(n.Position.X-other.Position.X, other.Position.X-n.Position.X) >= 180 ||
					max(n.Position.Y-other.Position.Y, other.Position.Y-n.Position.Y) >= 80
				require.True(t, apart, "%s: %s and %s overlap", e.name, id, n.ID)
			}
			byID[n.ID] = n
		}
		for _, edge := range e.journey.Definition.Edges {
			require.Less(t, byID[edge.Source].Position.Y, byID[edge.Target].Position.Y, "%s: %s to %s", e.name, edge.Source, edge.Target)
		}
	}
}

// Run with -update to rewrite what personas.json expects.
func TestLocal_ExamplesWalkAsExpected(t *testing.T) {
	t.Parallel()

	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()

			c := e.editor(t)
			path := c.createExample(e.file)
			for i := range e.personas {
				e.personas[i].Expected = c.walk(path, string(e.personas[i].Test))
			}
			golden.Equal(t, filepath.Join(examplesFolder, e.name, "personas.json"), formatPersonas(t, e.personas))
			requireWalked(t, e)
		})
	}
}

// createExample creates an active journey from the text of a journey.json, and
// returns its path. Nothing about the journey is doubtful.
func (c caller) createExample(file string) string {
	c.t.Helper()
	made := c.must(201, "POST", "/journeys", file)
	require.Empty(c.t, made.body["warnings"])
	path := "/journeys/" + made.id()
	active := c.must(200, "PUT", path, `{"status":"active"}`)
	require.Empty(c.t, active.body["warnings"])
	return path
}

// walk simulates a customer.
func (c caller) walk(path, body string) walk {
	c.t.Helper()
	a := c.must(200, "POST", path+"/test", body)
	require.Empty(c.t, a.body["faults"])
	require.Empty(c.t, a.body["warnings"])
	require.NotContains(c.t, a.body, "truncated")
	var got struct {
		walk
		Trace []struct {
			NodeID, NodeType, At, Result, Next string
			Detail                             struct {
				EndedBy, Until, Channel, To string
				Payload, After              map[string]any
			}
		} `json:"trace"` // instead of walk's
	}
	require.NoError(c.t, json.Unmarshal([]byte(a.text), &got))
	for _, step := range got.Trace {
		v := visit{
			NodeID: step.NodeID, At: step.At, Result: step.Result, After: step.Detail.After,
			nodeType: step.NodeType, next: step.Next, endedBy: step.Detail.EndedBy, until: step.Detail.Until,
		}
		if v.Result == "sent" && step.Detail.Channel != "" {
			v.Sent = &exampleMessage{step.Detail.Channel, step.Detail.To, step.Detail.Payload}
		}
		got.walk.Trace = append(got.walk.Trace, v)
	}
	return got.walk
}

// formatPersonas returns the text of a personas.json: a line for each step, and the
// tests as they were written.
func formatPersonas(t *testing.T, personas []persona) string {
	var text []string
	for _, p := range personas {
		var steps []string
		for _, v := range p.Expected.Trace {
			steps = append(steps, "        "+spacedJSON(t, v))
		}
		converts := ""
		if p.Expected.Conversion != nil {
			converts = "      \"conversion\": " + spacedJSON(t, p.Expected.Conversion) + ",\n"
		}
		text = append(text, fmt.Sprintf("  {\n    \"name\": %s,\n    \"test\": %s,\n    \"expected\": {\n"+
			"      \"outcome\": %s,\n      \"exitReason\": %s,\n%s      \"trace\": [\n%s\n      ]\n    }\n  }",
			spacedJSON(t, p.Name), p.Test, spacedJSON(t, p.Expected.Outcome), spacedJSON(t, p.Expected.ExitReason), converts, strings.Join(steps, ",\n")))
	}
	return "[\n" + strings.Join(text, ",\n") + "\n]\n"
}

// spacedJSON returns JSON in one line with spaces after colons and commas.
func spacedJSON(t *testing.T, v any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "\t")
	require.NoError(t, encoder.Encode(v))
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "\t")
		if strings.HasSuffix(line, ",") {
			lines[i] += " "
		}
	}
	return strings.Join(lines, "")
}

// requireWalked fails the test unless a persona walks each edge.
func requireWalked(t *testing.T, e example) {
	t.Helper()
	type way struct{ source, handle, target string }
	ways := map[string]int{}
	for _, edge := range e.journey.Definition.Edges {
		ways[edge.Source]++
	}
	walked := map[way]bool{}
	for _, p := range e.personas {
		for _, v := range p.Expected.Trace {
			walked[way{v.NodeID, "", v.next}] = true
			walked[way{v.NodeID, v.Result, v.next}] = true
		}
	}
	for _, edge := range e.journey.Definition.Edges {
		w := way{edge.Source, edge.SourceHandle, edge.Target}
		if ways[edge.Source] == 1 {
			w.handle = ""
		}
		require.True(t, walked[w], "no persona walks the edge %+v", w)
	}
}
