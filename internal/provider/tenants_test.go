package provider

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/trail"
)

func TestTenants_DecideWhichChannelsExist(t *testing.T) {
	t.Parallel()

	own, toOwn := serve(t, status(http.StatusOK))
	others, toOthers := serve(t, status(http.StatusOK))
	target := func(address, tenants string) string {
		return fmt.Sprintf(`{"type": "inbox", "url": %q%s}`, address, tenants)
	}
	const forAcme, forUmbrella = `, "tenants": ["acme"]`, `, "tenants": ["umbrella", "Acme"]`
	tests := map[string]struct {
		channels string
		want     chan request // nil if the channel does not exist
	}{
		"a channel of the tenant":                       {`"push": ` + target(own, forAcme), toOwn},
		"a channel of all":                              {`"push": ` + target(own, ""), toOwn},
		"a channel of others":                           {`"push": ` + target(others, forUmbrella), nil},
		"a channel of others, and a default":            {`"push": ` + target(others, forUmbrella) + `, "*": ` + target(own, ""), toOwn},
		"a channel of others, and a default of others":  {`"push": ` + target(others, forUmbrella) + `, "*": ` + target(others, forUmbrella), nil},
		"a channel of the tenant, a default of others":  {`"push": ` + target(own, forAcme) + `, "*": ` + target(others, forUmbrella), toOwn},
		"an unknown channel, and a default of a tenant": {`"*": ` + target(own, forAcme), toOwn},
	}
	for name, test := range tests {
		p := with(t, at(start), `{"channels": {`+test.channels+`}, "allowPrivate": true}`)
		result, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		if test.want == nil {
			require.EqualError(t, err, `channel "push": the settings have no such channel`, name)
		} else {
			require.NoError(t, err, name)
			require.Equal(t, trail.Sent, result.Result, name)
			require.Len(t, test.want, 1, name)
			<-test.want
		}
	}
	require.Empty(t, toOthers)
}

func TestTenants_DecideWhichFlowsExist(t *testing.T) {
	t.Parallel()

	const offer = `"type": "rules", "offers": [{"id": "a", "priority": 1}]`
	for settings, want := range map[string]string{
		`{"flow": {` + offer + `, "tenants": ["acme"]}}`:                                           `{"offers":[{"id":"a"}],"offer":{"id":"a"},"score":1}`,
		`{"flow": {` + offer + `, "tenants": ["umbrella"]}}`:                                       "null",
		`{"flow": {"type": "rules", "offers": [], "tenants": ["umbrella"]}, "*": {` + offer + `}}`: `{"offers":[{"id":"a"}],"offer":{"id":"a"},"score":1}`,
	} {
		answer, err := with(t, at(start), `{"decisions": `+settings+`}`).
			Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
		require.NoError(t, err)
		require.Equal(t, want, text(answer), settings)
	}
}
