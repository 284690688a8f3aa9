package names

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/condition"
)

// findAll returns what is found in samples when nothing is known.
func findAll(samples ...Sample) Names { return find(Names{}, newBudget(Names{}), samples) }

func TestFind_NamesThePathsAndKindsOfAttributes(t *testing.T) {
	t.Parallel()
	object := `{"plan":"pro","visits":7,"vip":true,"off":false,"none":null,"tags":["a",{"x":1}],"born":"1815-12-10",
		"seen":"2026-11-23T10:00:00+05:30","then":"2026-11-23 10:00:00","notTime":"2026-11-23x",
		"address":{"city":"Delhi","geo":{"lat":{"deg":{"tooDeep":1}}}},"empty":{},
		"utm.source":"x","cart":{"a.b":1,"first name":"x"},"event":{"x":1},"attributes":1,"n\u0061me":"\u0031","नाम":1}`
	got := map[string][]string{}
	for path, kinds := range findAll(Sample{Attributes: []byte(object)}).Attributes {
		got[path] = kinds.Names()
	}
	require.Equal(t, map[string][]string{
		"plan": {"string"}, "visits": {"number"}, "vip": {"boolean"}, "off": {"boolean"}, "none": {"null"}, "tags": {"array"},
		"born": {"date"}, "seen": {"date"}, "then": {"date"}, "notTime": {"string"},
		"address": {"object"}, "address.city": {"string"}, "address.geo": {"object"}, "address.geo.lat": {"object"},
		"address.geo.lat.deg": {"object"}, "empty": {"object"},
		`["utm.source"]`: {"string"}, "cart": {"object"}, `cart["a.b"]`: {"number"}, "cart.first name": {"string"},
		`["event"]`: {"object"}, `["event"].x`: {"number"}, `["attributes"]`: {"number"}, "name": {"string"}, "नाम": {"number"},
	}, got)
}

func TestFind_JoinsTheKindsOfSeveralSamples(t *testing.T) {
	t.Parallel()
	found := findAll(
		Sample{EventType: "bought", Properties: []byte(`{"cart":{"id":"c1"},"at":"2026-11-23"}`), Attributes: []byte(`{"n":1}`), Patch: true},
		Sample{EventType: "bought", Properties: []byte(`{"cart":{"id":7},"at":"soon"}`), Attributes: []byte(`{"n":"x","gone":null}`), Patch: true},
		Sample{EventType: "seen"},
		Sample{Attributes: []byte(`{"n":null}`)},
	)
	require.Equal(t, Names{
		Types:      map[string]Paths{"bought": {"cart": Object, "cart.id": String | Number, "at": Date | String}, "seen": nil},
		Attributes: Paths{"n": Number | String | Null},
	}, found, "null in a patch removes a member")
}

// Keys can be personal data too.
func TestFind_LeavesOutKeysThatAreNoNames(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"", "ada@example.com", "+911234567890", "1st", "911234567890", "customer1234567", "a-1234-5678-9", "f47ac10b-58cc-4372-a567-0e02b2c3d479",
		"a/b", `say "x"`, "a\tb", "a[0]", "$type", " plan", ".plan", "-plan", "a:b", "a\u0000", strings.Repeat("a", 65),
	} {
		object, err := json.Marshal(map[string]any{key: map[string]any{"inside": 1}})
		require.NoError(t, err)
		require.True(t, findAll(Sample{Attributes: object}).empty(), "%q", key)
	}
	for _, key := range []string{"plan", "_id", "a1", "utm_2026-11-23", "a b", "émile", "a123456", "a12345678"[:7] + "_8", strings.Repeat("ä", 64)} {
		object, err := json.Marshal(map[string]any{key: 1})
		require.NoError(t, err)
		require.Len(t, findAll(Sample{Attributes: object}).Attributes, 1, "%q", key)
	}
}

func TestFind_LooksAtBoundedKeys(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range MaxKeys {
		ids = append(ids, fmt.Sprintf(`"%d":1`, i))
	}
	object := []byte(`{` + strings.Join(ids, ",") + `,"plan":1}`)
	require.True(t, findAll(Sample{Attributes: object}, Sample{EventType: "seen"}).empty())
	require.False(t, findAll(Sample{Attributes: object[len(ids[0])+1:][:0]}, Sample{EventType: "seen"}).empty())
}

func TestFind_StopsAtTheBoundsOfATenant(t *testing.T) {
	t.Parallel()
	var samples []Sample
	for i := range 300 {
		samples = append(samples, Sample{EventType: fmt.Sprint("type ", i), Properties: []byte(`{"a":1}`)})
	}
	found := findAll(samples...)
	require.Len(t, found.Types, MaxTypes)
	var attributes, properties []string
	for i := range 900 {
		attributes = append(attributes, fmt.Sprintf(`"a%d":1`, i))
		properties = append(properties, fmt.Sprintf(`"p%d":1`, i%60))
	}
	require.Len(t, findAll(Sample{Attributes: []byte(`{` + strings.Join(attributes, ",") + `}`)}).Attributes, MaxAttributes)
	found = findAll(Sample{EventType: "bought", Properties: []byte(`{` + strings.Join(properties[:60], ",") + `}`)})
	require.Len(t, found.Types["bought"], MaxProperties)
	require.Contains(t, findAll(Sample{EventType: "bought", Properties: []byte(`{"a":1,"a`)}).Types, "bought", "what cannot be read ends the search")
}

// drawKey draws keys that are names, and others.
func drawKey() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z_][a-z0-9_. -]{0,8}`), rapid.SampledFrom([]string{"event", "entryEvent", "decision", "step", "attributes", "a.b"}),
		rapid.StringN(0, 5, -1), rapid.StringMatching(`[a-z]{1,5}@[a-z]{1,5}\.com`),
	)
}

// A condition reads the found path where the value is.
func TestFind_SpellsPathsAsConditionsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SliceOfN(drawKey(), 1, MaxDepth).Draw(t, "path")
		var nested any = 1
		for i := len(path) - 1; i >= 0; i-- {
			nested = map[string]any{path[i]: nested}
		}
		object, err := json.Marshal(nested)
		require.NoError(t, err)
		value, err := condition.ParseValue(object)
		require.NoError(t, err)
		for spelled, kinds := range findAll(Sample{Attributes: object}).Attributes {
			field, fault := condition.ParseField(spelled)
			require.Empty(t, fault, "%q", spelled)
			require.Equal(t, condition.Attributes, field.Source, "%q", spelled)
			at := value.Get(field.Path...)
			require.Equal(t, kinds == Object, at.IsObject(), "%q", spelled)
			require.False(t, at.Missing(), "%q", spelled)
		}
	})
}

// marked draws objects whose values are unmistakable, and adds those to values.
func marked(values *[]string) *rapid.Generator[map[string]any] {
	var object func(depth int) *rapid.Generator[map[string]any]
	value := func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			mark := fmt.Sprintf("value%dx", len(*values))
			*values = append(*values, mark)
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				return []any{mark, map[string]any{mark: mark}}
			case 1, 2:
				if depth < 6 {
					return object(depth+1).Draw(t, "object")
				}
			case 3:
				return map[string]any{mark + "@example.com": map[string]any{mark: mark}}
			}
			return mark
		})
	}
	object = func(depth int) *rapid.Generator[map[string]any] {
		return rapid.MapOfN(drawKey().Filter(func(k string) bool { return !strings.HasPrefix(k, "value") }), value(depth), 0, 4)
	}
	return object(1)
}

func TestFind_KeepsNoValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var values []string
		var samples []Sample
		for range rapid.IntRange(1, 4).Draw(t, "samples") {
			properties, err := json.Marshal(marked(&values).Draw(t, "properties"))
			require.NoError(t, err)
			attributes, err := json.Marshal(marked(&values).Draw(t, "attributes"))
			require.NoError(t, err)
			samples = append(samples, Sample{
				EventType: rapid.SampledFrom([]string{"bought", "seen"}).Draw(t, "type"), Properties: properties, Attributes: attributes,
				Patch: rapid.Bool().Draw(t, "patch"),
			})
		}
		n, left := Names{}.clone(), newBudget(Names{})
		n.add(&left, findAll(samples...))
		text, err := n.encode()
		require.NoError(t, err)
		for _, value := range values {
			require.NotContains(t, string(text), value)
		}
		again, err := parse(text)
		require.NoError(t, err)
		require.Equal(t, newBudget(n), newBudget(again))
		require.True(t, find(again, newBudget(again), samples).empty(), "all of it is known now")
	})
}

// profile returns a profile of about 64 KB with n names.
func profile(n int) []byte {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"name%d":{"city":"%s","since":"2026-11-23","n":%d}`, i, strings.Repeat("x", 64<<10/n-50), i)
	}
	return []byte(`{` + strings.Join(members, ",") + `}`)
}

func BenchmarkFind_KnownProfile(b *testing.B) {
	samples := []Sample{{Attributes: profile(100)}}
	known := findAll(samples...)
	left := newBudget(known)
	b.SetBytes(int64(len(samples[0].Attributes)))
	b.ReportAllocs()
	for b.Loop() {
		found := find(known, left, samples)
		require.True(b, found.empty())
	}
}

func TestFind_AllocatesLittleForKnownNames(t *testing.T) {
	samples := []Sample{{EventType: "bought", Properties: []byte(`{"cart":1}`), Attributes: profile(100)}}
	known := findAll(samples...)
	left := newBudget(known)
	require.LessOrEqual(t, testing.AllocsPerRun(10, func() { find(known, left, samples) }), 20.0)
}
