package payload_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/journey"
	"journeys/internal/payload"
	"journeys/internal/strict"
)

func readPayload(text string) (*payload.Payload, []strict.Fault) {
	var faults strict.Faults
	v := strict.At([]byte(text), "/payload", &faults)
	return payload.Read(v), faults.List()
}

// fact parses a fact for conditions and payloads.
func fact(t require.TestingT, text string) condition.Value {
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}

func TestPayload_FillsPlaceholders(t *testing.T) {
	t.Parallel()

	facts := condition.Facts{
		Attributes: fact(t, `{"name":"Ada \"L\"\n{{event.x}}","plan":{"seats":12345678901234567890,"x":null},"ok":true,"utm.source":"ad","tags":["a"],"é":"ü"}`),
		Decision:   fact(t, `{"n1":{"offer":{"title":"Up & away"}}}`),
		Event:      fact(t, `{"x":"never twice","amount":1.50}`),
	}
	for text, want := range map[string]string{
		`{}`:                                         `{}`,
		`{"a":1e400,"b":[]}`:                         `{"a":1e400,"b":[]}`,
		`{"a":"{ {x} }} {"}`:                         `{"a":"{ {x} }} {"}`,
		`{"a":"\u0041\u00e9"}`:                       `{"a":"\u0041\u00e9"}`, // text without placeholders is unchanged
		`{"a":"Dear {{attributes.name}}!"}`:          `{"a":"Dear Ada \"L\"\n{{event.x}}!"}`,
		`{"a":"{{decision.n1.offer.title}}"}`:        `{"a":"Up & away"}`,
		`{"a":"{{decision.n1.offer}}"}`:              `{"a":"{\"title\":\"Up & away\"}"}`,
		`{"a":"{{ event.amount }}{{event.amount}}"}`: `{"a":"1.501.50"}`,
		`{"a":"{{attributes.plan.seats}} {{attributes.ok}} {{attributes.tags}}"}`: `{"a":"12345678901234567890 true [\"a\"]"}`,
		`{"a":"[{{attributes.none}}{{attributes.plan.x}}{{attributes.name.x}}]"}`: `{"a":"[]"}`,
		`{"a":{"b":[1,"{{event.x}}",{"c":"\"{{event.x}}\\"}]},"d":"{{event.x}}"}`: `{"a":{"b":[1,"never twice",{"c":"\"never twice\\"}]},"d":"never twice"}`,
		`{"a":"\u007b\u007bevent.x\u007d\u007d"}`:                                 `{"a":"never twice"}`,
		`{"{{event.x}}":"{{attributes.é}}"}`:                                      `{"{{event.x}}":"ü"}`,
		`{"a":"Hi {{attributes.none | default: 'there'}}!"}`:                      `{"a":"Hi there!"}`,
		`{"a":"{{attributes.plan.x|default:\"\u00fc \u007b\"}}"}`:                 `{"a":"ü {"}`,
		`{"a":"{{event.x | default: 'not me'}}{{event.none | default: ''}}"}`:     `{"a":"never twice"}`,
		`{"a":"{{attributes[\"utm.source\"]}}{{event.none | default: '\"|\"'}}"}`: `{"a":"ad\"|\""}`,
		`{ "a" : "{{event.x}}" , "b" : [ "{{event.x}}" ] }`:                       `{ "a" : "never twice" , "b" : [ "never twice" ] }`,
	} {
		p, faults := readPayload(text)
		require.Empty(t, faults, text)
		got, err := p.JSON(&facts)
		require.NoError(t, err)
		require.Equal(t, want, string(got), text)
	}
}

func TestPayload_ReturnsTextOfMember(t *testing.T) {
	t.Parallel()

	p, faults := readPayload(`{"a":"<b>\"{{attributes.x}}\"</b>","n":1,"in":{"b":"x"},"empty":""}`)
	require.Empty(t, faults)
	facts := condition.Facts{Attributes: fact(t, `{"x":"<i>"}`)}
	for name, want := range map[string]string{"a": `<b>"(<i>)"</b>`, "empty": ""} {
		text, ok, err := p.Text(name, &facts, func(s string) string { return "(" + s + ")" })
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, text)
	}
	for _, name := range []string{"n", "in", "b", "none"} {
		_, ok, err := p.Text(name, &facts, strings.ToUpper)
		require.NoError(t, err)
		require.False(t, ok, name)
	}
	var none *payload.Payload
	_, ok, err := none.Text("a", &facts, strings.ToUpper)
	require.NoError(t, err)
	require.False(t, ok)
	text, err := none.JSON(&facts)
	require.NoError(t, err)
	require.Nil(t, text)
}

func TestReadPayload_LocatesEveryFault(t *testing.T) {
	t.Parallel()

	const unknown = "has a placeholder that is not {{attributes.x}}, {{decision.n.x}}, {{event.x}}, {{step.n.x}} or, in a message, {{unsubscribe.url}}, with or without | default: 'text'"
	long := strings.Repeat("x", 251)
	_, faults := readPayload(`{"a":"{{customer.x}}","b/c":["ok",{"d":"{{attributes}}"}],"e":"{{","f":"{{}}","g":"{{attributes..x}}",
		"h":"{{attributes.x}} {{#if event.x}}","i":"{{{event.x}}}","j":"{{event.` + long + `}}","k":"{{event.1.2.3.4.5.6.7.8}}",
		"l":"{{attributes.x | upper}}","m":"{{ATTRIBUTES.x}}",
		"n":"{{attributes.x | default: there}}","o":"{{attributes.x | default: 'a'b'}}","p":"{{attributes[\"x\"}}","q":"{{[\"attributes\"].x}}"}`)
	require.Equal(t, []strict.Fault{
		{Pointer: "/payload/a", Detail: unknown},
		{Pointer: "/payload/b~1c/1/d", Detail: unknown},
		{Pointer: "/payload/e", Detail: "has {{ without }}"},
		{Pointer: "/payload/f", Detail: unknown},
		{Pointer: "/payload/g", Detail: "has a placeholder whose field must be names separated by single dots; a name with dots is written [\"like.this\"]"},
		{Pointer: "/payload/h", Detail: unknown},
		{Pointer: "/payload/i", Detail: unknown},
		{Pointer: "/payload/j", Detail: "has a placeholder of more than 256 characters"},
		{Pointer: "/payload/k", Detail: "has a placeholder whose field must be a path of at most 8 names, has 9"},
		{Pointer: "/payload/l", Detail: unknown},
		{Pointer: "/payload/m", Detail: unknown},
		{Pointer: "/payload/n", Detail: unknown},
		{Pointer: "/payload/o", Detail: unknown},
		{Pointer: "/payload/p", Detail: "has a placeholder whose field must close each name in brackets: [\"like.this\"]"},
		{Pointer: "/payload/q", Detail: unknown},
	}, faults)
	_, faults = readPayload(`[]`)
	require.Equal(t, []strict.Fault{{Pointer: "/payload", Detail: "must be an object"}}, faults)
}

// The form is checked whenever a graph is saved, so drafts are rejected too.
func TestReadPayload_RejectsBadPlaceholdersInDrafts(t *testing.T) {
	t.Parallel()

	var faults strict.Faults
	v, _ := strict.Parse([]byte(`{"nodes":[{"id":"a","type":"channel_action","config":{"payload":{"x":["{{secret}}"]}}}]}`), &faults)
	_, ok := journey.ReadDefinition(v)
	require.False(t, ok)
	require.Equal(t, "/nodes/0/config/payload/x/0", faults.List()[0].Pointer)
}

func TestPayload_BoundsFilledSize(t *testing.T) {
	t.Parallel()

	p, faults := readPayload(`{"a":"` + strings.Repeat("{{attributes.x}}", 10_000) + `"}`)
	require.Empty(t, faults)
	facts := condition.Facts{Attributes: fact(t, `{"x":"`+strings.Repeat("x", 60_000)+`"}`)}
	_, err := p.JSON(&facts)
	require.ErrorIs(t, err, payload.ErrTooLong)
	_, _, err = p.Text("a", &facts, strings.ToUpper)
	require.ErrorIs(t, err, payload.ErrTooLong)
}

// No input panics. An accepted payload, filled, is a valid JSON object. Without
// placeholders it is unchanged.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"a":"Dear {{attributes.name}}, {{ decision.n.title }}{{event.x}}"}`), `"\u0000\"{{event.x}}"`)
	f.Fuzz(func(t *testing.T, text []byte, attribute string) {
		var faults strict.Faults
		v, ok := strict.Parse(text, &faults)
		if !ok || !v.IsObject() {
			return
		}
		p := payload.Read(v)
		if !faults.Empty() {
			for _, fault := range faults.List() {
				require.True(t, strings.HasPrefix(fault.Pointer, "/"), fault.Pointer)
			}
			return
		}
		encoded, err := json.Marshal(attribute)
		require.NoError(t, err)
		facts := condition.Facts{}
		facts.Attributes, err = condition.ParseValue([]byte(`{"name":` + string(encoded) + `}`))
		require.NoError(t, err)
		filled, err := p.JSON(&facts)
		if err != nil {
			require.ErrorIs(t, err, payload.ErrTooLong)
			return
		}
		var faultsOfFilled strict.Faults
		again, ok := strict.Parse(filled, &faultsOfFilled)
		require.True(t, ok, "%s became %s", text, filled)
		require.True(t, again.IsObject())
		if len(p.Reads()) == 0 {
			require.Equal(t, string(v.Raw()), string(filled))
		}
	})
}

// The address of unsubscribing is the message's own: an attribute of that name is none.
func TestPayload_FillsTheAddressOfUnsubscribing(t *testing.T) {
	t.Parallel()

	url := condition.Value{}.With("url", condition.NewText("https://a.test/u/T&1"))
	for text, want := range map[string]string{
		`{"a":"{{unsubscribe.url}}"}`:                          `{"a":"https://a.test/u/T&1"}`,
		`{"a":"{{ unsubscribe.url | default: 'x' }}"}`:         `{"a":"https://a.test/u/T&1"}`,
		`{"a":"{{unsubscribe}}"}`:                              "",
		`{"a":"{{unsubscribe.URL}}"}`:                          "",
		`{"a":"{{unsubscribe[\"url\"]}}"}`:                     "",
		`{"a":"{{unsubscribe.url.x}}"}`:                        "",
		`{"a":"{{unsubscribe.url | default: x}}"}`:             "",
		`{"a":"{{attributes.unsubscribe.url}} is not a link"}`: `{"a":"a page is not a link"}`,
	} {
		p, faults := readPayload(text)
		if want == "" {
			require.NotEmpty(t, faults, text)
			continue
		}
		require.Empty(t, faults, text)
		got, err := p.JSON(&condition.Facts{Attributes: fact(t, `{"unsubscribe":{"url":"a page"}}`), Unsubscribe: url})
		require.NoError(t, err)
		require.Equal(t, want, string(got), text)
		require.Equal(t, strings.Contains(text, "attributes"), p.UnsubscribeAt() == "", text)

		got, err = p.JSON(&condition.Facts{})
		require.NoError(t, err)
		require.NotContains(t, string(got), "https", "a message without a topic has none")
	}
}
