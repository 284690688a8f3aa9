package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/manifest"
)

// strange are values that stores, floats and encoders tend to change.
var strange = []string{
	`1e308`, `-1.7976931348623157e308`, `5e-324`, `1E400`, `-0`, `0.10`, `1.0`, `1e2`, `1E+02`,
	`123456789012345678901234567890123456789`, `9007199254740993`, `18446744073709551616`,
	`0.1234567890123456789012345678901234567890`,
	`null`, `true`, `false`, `""`, `"\u0000"`, `"\ud83d\ude00"`, `"😀"`, `"\/"`, `"\u00e9"`, `"é"`, `"e\u0301"`, `"<&>\u2028"`,
	`[]`, `{}`, `[[],{"":[]}]`,
}

// space is white space between tokens.
var space = rapid.SampledFrom([]string{"", "", " ", "\n\t\r "})

// anyValue generates the JSON of a value with at most depth levels.
func anyValue(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kind := rapid.IntRange(0, 3).Draw(t, "kind")
		switch {
		case depth == 0 || kind < 2:
			return rapid.OneOf(rapid.SampledFrom(strange), anyText(40)).Draw(t, "scalar")
		case kind == 2:
			list := rapid.SliceOfN(anyValue(depth-1), 0, 3).Draw(t, "list")
			return "[" + strings.Join(list, space.Draw(t, "space")+",") + "]"
		}
		return "{" + strings.Join(members(t, depth, nil), ",") + "}"
	})
}

// anyText generates the JSON of a string of at most n characters.
func anyText(n int) *rapid.Generator[string] {
	return rapid.Map(rapid.StringN(0, n, -1), func(s string) string {
		text, _ := json.Marshal(strings.ToValidUTF8(s, "?"))
		return string(text)
	})
}

// members generates members of an object without the names in taken.
func members(t *rapid.T, depth int, taken []string) []string {
	seen := map[string]bool{}
	for _, name := range taken {
		seen[name] = true
	}
	var list []string
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		name := anyText(8).Draw(t, "name")
		var decoded string
		_ = json.Unmarshal([]byte(name), &decoded) // cannot fail: anyText generates JSON
		if seen[decoded] {
			continue
		}
		seen[decoded] = true
		gap := space.Draw(t, "space")
		list = append(list, gap+name+gap+":"+anyValue(max(depth-1, 0)).Draw(t, "value"))
	}
	return list
}

// anyPayload generates a payload without two braces, which start a placeholder.
func anyPayload() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return "{" + strings.Join(members(t, 2, nil), ",") + "}"
	}).Filter(func(payload string) bool { return !strings.Contains(payload, "{{") })
}

// anyGraph generates a graph as an editor may save it, with the editor's own keys
// everywhere.
func anyGraph() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		own := func(known string, taken ...string) string {
			return "{" + strings.Join(append([]string{known}, members(t, 2, taken)...), ",") + "}"
		}
		nodes := []string{own(`"id":"in","type":"entry_trigger"`, "id", "type", "config")}
		var edges []string
		for i := range rapid.IntRange(0, 4).Draw(t, "actions") {
			payload := anyPayload().Draw(t, "payload")
			nodes = append(nodes, own(fmt.Sprintf(`"id":"a%d","type":"channel_action","config":{"channel":"email","payload":%s}`, i, payload), "id", "type", "config"))
			edges = append(edges, own(fmt.Sprintf(`"source":"in","target":"a%d"`, i), "id", "source", "target", "sourceHandle"))
		}
		return own(`"nodes":[`+strings.Join(nodes, ",")+`],"edges":[`+strings.Join(edges, ",")+`]`, "nodes", "edges")
	})
}

// anyEntry generates an entry condition with a value that is easily changed.
func anyEntry() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		scalars := []string{`1e308`, `-0`, `0.10`, `123456789012345678901234567890123456789`, `true`, `"\u0000"`, `"\ud83d\ude00"`, `"\/"`}
		value := rapid.SampledFrom(scalars).Draw(t, "value")
		gap := space.Draw(t, "space")
		return `{` + gap + `"condition":{"value":` + gap + value + `,"field":"a.é","operator":"eq"}}`
	})
}

// What a write accepts a read returns: the graph and the entry condition character
// by character except for white space, other fields by value.
func TestJourney_IsReadAsWritten(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		create := fields(t)
		create["name"] = anyName().Draw(t, "name")
		made, err := c.try("POST", "/journeys", object(create))
		require.NoError(t, err)
		require.Equal(t, 201, made.status, "%s\n%s", object(create), made.text)
		path := "/journeys/" + strings.Trim(string(raw(t, made)["id"]), `"`)
		requireRead(t, c, path, create)

		update := fields(t)
		changed, err := c.try("PUT", path, object(update))
		require.NoError(t, err)
		require.Equal(t, 200, changed.status, "%s\n%s", object(update), changed.text)
		for name, value := range update {
			create[name] = value
		}
		requireRead(t, c, path, create)
		accepted += 2
	})
	t.Logf("%d writes read back unchanged", accepted)
}

func anyName() *rapid.Generator[string] {
	return anyText(255).Filter(func(s string) bool { return s != `""` })
}

// fieldKinds generate the values of a journey's fields.
var fieldKinds = []struct {
	name  string
	value *rapid.Generator[string]
}{
	{"name", anyName()},
	{"description", anyText(2000)},
	{"definition", anyGraph()},
	{"entryCondition", anyEntry()},
	{"maxDurationDays", rapid.SampledFrom([]string{"1", "365", "30.0", "3e1"})},
}

// fields generates some fields of a journey.
func fields(t *rapid.T) map[string]string {
	some := map[string]string{}
	for _, field := range fieldKinds {
		if rapid.Bool().Draw(t, "has "+field.name) {
			some[field.name] = field.value.Draw(t, field.name)
		}
	}
	return some
}

// object returns fields as a JSON object.
func object(fields map[string]string) string {
	var list []string
	for name, value := range fields {
		list = append(list, `"`+name+`":`+value)
	}
	return "{" + strings.Join(list, ",") + "}"
}

// raw returns the members of an answer undecoded: its numbers may be too large for
// a float.
func raw(t *rapid.T, a answer) (members map[string]json.RawMessage) {
	require.NoError(t, json.Unmarshal([]byte(a.text), &members))
	return members
}

// requireRead requires that a journey has the written fields.
func requireRead(t *rapid.T, c caller, path string, written map[string]string) {
	a, err := c.try("GET", path, "")
	require.NoError(t, err)
	require.Equal(t, 200, a.status, a.text)
	read := raw(t, a)
	for name, value := range written {
		if name == "definition" || name == "entryCondition" {
			var compact bytes.Buffer
			require.NoError(t, json.Compact(&compact, []byte(value)))
			require.Equal(t, compact.String(), string(read[name]), name)
			continue
		}
		var want, got any
		require.NoError(t, json.Unmarshal([]byte(value), &want))
		require.NoError(t, json.Unmarshal(read[name], &got))
		require.Equal(t, want, got, name)
	}
}
