package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/progress"
)

// Customers of a table take the way, and get the text, that follow from the answer of an
// earlier message. A short answer takes no more requests than none.
func TestEngine_ReadsKeptAnswers(t *testing.T) {
	t.Parallel()

	const n = 50
	i := install(t)
	first, second := map[string]int{}, map[string]int{}
	for name, row := range map[string]struct{ keep, coupon, reason string }{
		"nothing kept": {`[]`, "c-7", "none"},
		"short":        {`["coupon"]`, "c-7", "kept"},
		"long":         {`["coupon"]`, "c-" + strings.Repeat("7", 5000), "kept"},
		"too long":     {`["coupon"]`, "c-" + strings.Repeat("7", progress.MaxKept), "none"},
	} {
		clear(i.inbox)
		i.reply, _ = condition.ParseValue(fmt.Appendf(nil, `{"coupon":{"id":%q},"other":1}`, row.coupon))
		id := i.activate(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push","keep":`+row.keep+`}},
			{"id":"w","type":"wait","config":{"delayHours":48}},
			{"id":"s","type":"condition_split","config":{"condition":{"field":"step.a.answer.coupon.id","operator":"starts_with","value":"c-7"}}},
			{"id":"b","type":"channel_action","config":{"channel":"push","payload":{"t":"{{step.a.answer.coupon.id}}"}}},
			{"id":"kept","type":"exit","config":{"reason":"kept"}},{"id":"none","type":"exit","config":{"reason":"none"}}],
			"edges":[{"source":"in","target":"a"},{"source":"a","target":"w"},{"source":"w","target":"s"},{"source":"s","sourceHandle":"true","target":"b"},
			{"source":"s","sourceHandle":"false","target":"none"},{"source":"b","target":"kept"}]}`)
		customers := i.enroll(t, id, t.Context(), n)
		first[name] = i.requests(t)
		require.Len(t, i.inbox, n, name)
		i.now = i.now.Add(48 * time.Hour)
		second[name] = i.requests(t)
		require.Equal(t, first[name] > n, name == "long", "each long answer is a request of its own: %d", first[name])
		for _, customer := range customers {
			require.Equal(t, row.reason, i.where(t, id, customer).ExitReason, name)
		}
		texts := 0
		for _, m := range i.inbox {
			if m.NodeID == "b" {
				texts++
				text, err := m.Config.Payload.JSON(&m.Facts)
				require.NoError(t, err)
				require.Equal(t, `{"t":"`+row.coupon+`"}`, string(text))
			}
		}
		require.Equal(t, row.reason == "kept", texts == n, name)
	}
	require.Equal(t, first["nothing kept"], first["short"])
	require.LessOrEqual(t, second["long"], second["short"]+1, "one read of what all of them keep")
}

// requests runs what is due and returns the number of requests that Advance needed.
func (i *installation) requests(t *testing.T) int {
	t.Helper()
	require.NoError(t, i.Tick(t.Context()))
	ctx, meter := capacity.WithMeter(t.Context())
	for _, pack := range i.queue {
		require.NoError(t, i.Advance(ctx, pack))
	}
	i.queue = nil
	return meter.Usage().Requests
}
