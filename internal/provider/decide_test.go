package provider

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/graph"
)

func TestDecide_PostsTheQuestion(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, ` {"offer": {"id": "a"}, "score": 1e400} `)
	})
	p := calling(t, address+"/decide?v=1", at(start))
	answer, err := p.Decide(t.Context(), newQuestion(t,
		graph.DecisionConfig{FlowID: "flow", ChannelID: "email", MaxOffers: 3}))
	require.NoError(t, err)
	require.Equal(t, `{"offer":{"id":"a"},"score":1e400}`, text(answer))
	r := <-requests
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.Equal(t, `{"idempotencyKey":"key-1","tenant":"acme","journeyId":"jrn_1","customerId":"`+private+`","nodeId":"n1",`+
		`"decisionFlowId":"flow","channelId":"email","maxOffers":3,`+
		`"attributes":{"email":"`+private+`","phone":"+4312345","n":12345678901234567890}}`, r.body)
	requireSigned(t, r, "key-1", start)

	unknown := newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1})
	unknown.Attributes = condition.Value{}
	_, err = p.Decide(t.Context(), unknown)
	require.NoError(t, err)
	require.Contains(t, (<-requests).body, `"channelId":null,"maxOffers":1,"attributes":{}}`)
}

func TestDecide_ReadsAnswers(t *testing.T) {
	t.Parallel()

	long := `{"a":"` + strings.Repeat("x", MaxAnswer-8) + `"}`
	tests := map[string]struct {
		status     int
		retryAfter string
		body       string
		want       string // "" for an empty answer
		wantErr    string
		throttled  time.Duration
	}{
		"an object":                              {status: 200, body: `{"a":{"b":[1]}}`, want: `{"a":{"b":[1]}}`},
		"an object as long as may be":            {status: 200, body: long, want: long},
		"an empty object is empty":               {status: 200, body: " { } "},
		"no content is empty":                    {status: 204},
		"an object that is too long":             {status: 200, body: long + " ", wantErr: "the answer is longer than 65536 bytes"},
		"an array":                               {status: 200, body: `["` + private + `"]`, wantErr: "the answer is not a JSON object"},
		"null":                                   {status: 200, body: `null`, wantErr: "the answer is not a JSON object"},
		"nothing at all":                         {status: 200, wantErr: "the answer is not JSON: the body is empty; it must be one JSON value"},
		"a page of HTML":                         {status: 200, body: `<p>` + private, wantErr: "the answer is not JSON: malformed JSON at byte 0"},
		"an object that ends too early":          {status: 200, body: `{"a":`, wantErr: "the answer is not JSON: the JSON text ends too early"},
		"two objects":                            {status: 200, body: `{"a":1}{}`, wantErr: "the answer is not JSON: something follows the JSON value at byte 7"},
		"a duplicate name":                       {status: 200, body: `{"` + private + `":1,"` + private + `":2}`, wantErr: "the answer is not JSON: duplicate name in the object"},
		"a duplicate name below":                 {status: 200, body: `{"a":[{"b":1,"b":1}]}`, wantErr: "the answer is not JSON: duplicate name in the object"},
		"invalid UTF-8":                          {status: 200, body: "{\"a\":\"\xff\"}", wantErr: "the answer is not JSON: invalid UTF-8 at byte 6"},
		"a lone surrogate":                       {status: 200, body: `{"a":"\ud800"}`, wantErr: "the answer is not JSON: a lone surrogate at byte 6"},
		"created":                                {status: 201, body: `{"a":1}`, wantErr: "the target answered 201"},
		"a bad request":                          {status: 400, body: private, wantErr: "the target answered 400"},
		"a fault":                                {status: 500, body: private, wantErr: "the target answered 500"},
		"throttled, for seconds":                 {status: 429, retryAfter: "7", throttled: 7 * time.Second},
		"unavailable, until a date":              {status: 503, retryAfter: "Mon, 23 Nov 2026 10:02:00 GMT", throttled: 2 * time.Minute},
		"unavailable, until a date that is over": {status: 503, retryAfter: "Mon, 23 Nov 2026 09:00:00 GMT"},
		"throttled, for a day":                   {status: 429, retryAfter: "86400", throttled: time.Hour},
		"throttled, for ever":                    {status: 429, retryAfter: "99999999999999999999", throttled: time.Hour},
		"throttled, without a time":              {status: 429, wantErr: "the target answered 429"},
		"unavailable, with a malformed time":     {status: 503, retryAfter: private, wantErr: "the target answered 503"},
		"a fault that says when to retry":        {status: 500, retryAfter: "7", wantErr: "the target answered 500"},
		"throttled, for a negative time":         {status: 429, retryAfter: "-7", wantErr: "the target answered 429"},
		"moved, which is not followed":           {status: 307, wantErr: "the target answered 307"},
		"not modified, with nothing to keep":     {status: 304, wantErr: "the target answered 304"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			answer, err := calling(t, address, at(start)).Decide(t.Context(),
				newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
			switch {
			case test.wantErr != "":
				require.EqualError(t, err, `decision flow "flow": `+test.wantErr)
			case test.retryAfter != "":
				requireThrottled(t, err, test.throttled)
			case test.want == "":
				require.NoError(t, err)
				require.True(t, answer.Missing())
			default:
				require.NoError(t, err)
				require.Equal(t, test.want, text(answer))
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"a":{"a":[]}} `, `{"a":1,"a":2}`, "{\"\xff\":1}", `[`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		answer, err := readAnswer(strings.NewReader(body))
		if err == nil && !answer.Missing() && !answer.IsObject() {
			t.Fatalf("%q is taken as an answer", body)
		}
		if err != nil && errors.Is(err, errBroken) {
			t.Fatalf("%q broke the connection", body)
		}
	})
}
