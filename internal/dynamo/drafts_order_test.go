package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// desk is an active journey that several editors change. Each of them adds a mark of its
// own to the marks that it has read, and names what it has read in each call.
type desk struct {
	*fixture
	t         *testing.T
	id        ident.ID
	marks     int             // drawn so far
	acked     map[string]bool // marks of calls that were answered
	dropped   map[string]bool // marks that a call removed which had named their tag
	published map[string]bool // tags of drafts
	shown     []string        // marks of the live journey after the changes
	changes   int             // of the live journey, by publishing or directly
}

func newDesk(t *testing.T) *desk {
	d := &desk{fixture: newFixture(t), t: t}
	d.id = d.journey(t, markedGraph())
	return d
}

func markedGraph(marks ...string) string {
	list, _ := json.Marshal(append([]string{}, marks...))
	return `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push","payload":{"marks":` +
		string(list) + `}}},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"a"},{"source":"a","target":"out"}]}`
}

func (d *desk) marksIn(definition []byte) []string {
	var graph struct {
		Nodes []struct {
			Config struct{ Payload struct{ Marks []string } }
		}
	}
	require.NoError(d.t, json.Unmarshal(definition, &graph))
	return graph.Nodes[1].Config.Payload.Marks
}

// live returns the journey; ok is false if it was deleted.
func (d *desk) live() (j journey.Journey, ok bool) {
	j, err := d.Get(d.t.Context(), demo, d.id)
	if errors.Is(err, journey.ErrNotFound) {
		return j, false
	}
	require.NoError(d.t, err)
	return j, true
}

// rev returns the revision of the journey.
func (d *desk) rev() int64 {
	j, err := d.store.Journeys.Journey(d.t.Context(), demo, d.id)
	require.NoError(d.t, err)
	return j.Rev
}

// draft returns the draft; one without a tag if there is none.
func (d *desk) draft() journey.DraftCopy {
	copied, err := d.Draft(d.t.Context(), demo, d.id)
	if !errors.Is(err, journey.ErrNoDraft) && !errors.Is(err, journey.ErrNotFound) {
		require.NoError(d.t, err)
	}
	return copied
}

// check requires that each mark of an answered call is somewhere, and that the version
// rose with each change of the live journey, once.
func (d *desk) check(versionBefore int, what string) {
	j, ok := d.live()
	if !ok {
		require.Zero(d.t, d.draft(), what)
		require.Empty(d.t, keysUnder(d.t, d.table, "T#demo#J#"+string(d.id)[4:], "D"), what)
		return
	}
	found := maps.Clone(d.dropped)
	for _, mark := range d.marksIn(j.Definition) {
		found[mark] = true
	}
	if copied := d.draft(); copied.Tag != "" {
		for _, mark := range d.marksIn(copied.Definition) {
			found[mark] = true
		}
	}
	for mark := range d.acked {
		require.True(d.t, found[mark], "%s: the change %s is lost", what, mark)
	}
	require.Equal(d.t, versionBefore+d.changes, j.Version, what)
}

// reset removes the draft and forgets the marks.
func (d *desk) reset() (version int) {
	require.NoError(d.t, d.DeleteDraft(d.t.Context(), demo, d.id, journey.DraftMatch{}))
	d.acked, d.dropped, d.published, d.changes = map[string]bool{}, map[string]bool{}, map[string]bool{}, 0
	j, _ := d.live()
	d.shown = d.marksIn(j.Definition)
	return j.Version
}

// keysUnder returns the keys of a partition whose sort key begins with prefix.
func keysUnder(t *testing.T, table, pk, prefix string) (found []string) {
	for key := range items(t, table) {
		if key[0] == pk && len(key[1]) >= len(prefix) && key[1][:len(prefix)] == prefix {
			found = append(found, key[1])
		}
	}
	return found
}

// editor is an editor at a desk.
type editor struct {
	*desk
	service *journey.Service
	tag     string // of the draft that it has read or written last; "" for none
	known   []string
	rev     int64 // of the journey that it has read last
}

func (d *desk) editor() *editor {
	e := &editor{desk: d, service: d.Service}
	e.read()
	return e
}

func (e *editor) read() {
	j, ok := e.live()
	if !ok {
		return
	}
	e.tag, e.known, e.rev = "", e.marksIn(j.Definition), j.Rev
	if copied := e.draft(); copied.Tag != "" {
		e.tag, e.known = copied.Tag, e.marksIn(copied.Definition)
	}
}

func (e *editor) mark() string {
	e.marks++
	return fmt.Sprint("m", e.marks)
}

// request is a call with fixed arguments, which can be repeated. It returns what to do
// when its answer arrives.
type request func(ctx context.Context) (answered func(), err error)

// put adds a mark to the draft.
func (e *editor) put() request {
	mark := e.mark()
	known := append(slices.Clone(e.known), mark)
	definition := journeytest.Definition(e.t, markedGraph(known...))
	change, match := journey.DraftChange{Definition: &definition}, journey.DraftMatch{Tags: []string{e.tag}}
	if e.tag == "" {
		rev := e.rev
		change.BasedOn, match = &rev, journey.DraftMatch{None: true}
	}
	return func(ctx context.Context) (func(), error) {
		copied, _, err := e.service.PutDraft(ctx, demo, e.id, change, match)
		return func() { e.acked[mark], e.tag, e.known = true, copied.Tag, known }, err
	}
}

// publish publishes the draft that the editor knows.
func (e *editor) publish() request {
	tag, known := e.tag, e.known
	return func(ctx context.Context) (func(), error) {
		j, err := e.service.PublishDraft(ctx, demo, e.id, journey.Publication{Tags: []string{tag}})
		if err == nil && !e.published[tag] {
			e.published[tag] = true
			e.nowLive(known)
			require.Equal(e.t, known, e.marksIn(j.Definition))
		}
		return func() { e.rev = j.Rev }, err
	}
}

// nowLive counts a change of the live journey to these marks.
func (d *desk) nowLive(marks []string) {
	if !slices.Equal(marks, d.shown) {
		d.changes++
		d.shown = marks
	}
}

// remove deletes the draft that the editor knows.
func (e *editor) remove() request {
	tag, known := e.tag, e.known
	return func(ctx context.Context) (func(), error) {
		err := e.service.DeleteDraft(ctx, demo, e.id, journey.DraftMatch{Tags: []string{tag}})
		if err == nil {
			for _, mark := range known {
				e.dropped[mark] = true
			}
		}
		return func() {}, err
	}
}

// change adds a mark to the live journey.
func (e *editor) change() request {
	j, _ := e.live()
	mark, rev := e.mark(), j.Rev
	known := append(e.marksIn(j.Definition), mark)
	definition := journeytest.Definition(e.t, markedGraph(known...))
	return func(ctx context.Context) (func(), error) {
		_, err := e.service.Update(ctx, demo, e.id, journey.Change{Definition: &definition}, []int64{rev})
		if err == nil {
			e.nowLive(known)
		}
		return func() { e.acked[mark] = true }, err
	}
}

// step is a step of an editor's script. After a refusal the editor reads again and makes the
// next call with what it then knows.
type step struct {
	name string
	lost bool // the answer is lost, and the step after it is the repeat
	call func(*editor) request
}

// orderings returns the ways to merge a steps of one script with b of another: true for a
// step of the first.
func orderings(a, b int) (all [][]bool) {
	if a == 0 && b == 0 {
		return [][]bool{nil}
	}
	if a > 0 {
		for _, rest := range orderings(a-1, b) {
			all = append(all, append([]bool{true}, rest...))
		}
	}
	if b > 0 {
		for _, rest := range orderings(a, b-1) {
			all = append(all, append([]bool{false}, rest...))
		}
	}
	return all
}

// withLost returns the script, and one for each step whose answer is lost.
func withLost(script []step) [][]step {
	all := [][]step{script}
	for i := range script {
		repeated := slices.Insert(slices.Clone(script), i, script[i])
		repeated[i].lost = true
		all = append(all, repeated)
	}
	return all
}

// run merges two scripts in that order.
func (d *desk) run(first, second []step, order []bool) {
	version := d.reset()
	editors, scripts, what := [2]*editor{d.editor(), d.editor()}, [2][]step{first, second}, ""
	var pending [2]request
	var succeeded [2]bool // the attempt whose answer was lost
	for _, isFirst := range order {
		n := 1
		if isFirst {
			n = 0
		}
		next := scripts[n][0]
		scripts[n] = scripts[n][1:]
		repeats := pending[n] != nil
		if !repeats {
			pending[n] = next.call(editors[n])
		}
		before := d.rev()
		answered, err := pending[n](d.t.Context())
		what += fmt.Sprintf(" %c:%s(lost=%t %s)", 'A'+n, next.name, next.lost, journey.Code(err))
		requireExpected(d.t, err, what)
		if repeats && succeeded[n] {
			require.Equal(d.t, before, d.rev(), "%s: the repeat changed the journey", what)
		}
		if succeeded[n] = err == nil; next.lost {
			continue
		}
		if pending[n] = nil; err == nil {
			answered()
		} else {
			editors[n].read()
		}
	}
	d.check(version, what)
}

// requireExpected requires that an error is one that an editor expects.
func requireExpected(t *testing.T, err error, what string) {
	codes := []string{"", "stale-draft", "live-changed", "stale-revision", "journey-not-found"}
	require.Contains(t, codes, journey.Code(err), "%s: %v", what, err)
}

// Two editors at one draft, or one of them at the journey, in every order of their calls,
// and with each of the answers lost and the call repeated. By default every sixth order
// is tried with a lost answer; `make seeds` tries all.
func TestDraft_LosesNoChangeInAnyOrderOfCalls(t *testing.T) {
	t.Parallel()

	put := step{"put", false, (*editor).put}
	edit := []step{put, put, {"publish", false, (*editor).publish}}
	for name, other := range map[string][]step{
		"a second editor":      edit,
		"a change of the live": {{"change", false, (*editor).change}},
		"a deletion":           {{"put", false, (*editor).put}, {"delete", false, (*editor).remove}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d, orders, lost := newDesk(t), 0, 0
			for i, first := range withLost(edit) {
				for k, second := range withLost(other) {
					if i > 0 && k > 0 {
						continue
					}
					for _, order := range orderings(len(first), len(second)) {
						if i+k > 0 {
							if lost++; lost%6 != 1 && *seeds <= defaultSeeds {
								continue
							}
						}
						orders++
						d.run(first, second, order)
					}
				}
			}
			t.Logf("%d orders: no change lost, none made twice", orders)
		})
	}
}

// interrupting is an option of a client that calls f before an attempt of a request, once.
func interrupting(attempt int, f func()) func(*dynamodb.Options) {
	var made atomic.Int64
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Interrupting", func(
				ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
			) (middleware.FinalizeOutput, middleware.Metadata, error) {
				if made.Add(1) == int64(attempt) {
					f()
				}
				return next.HandleFinalize(ctx, in)
			}), middleware.After)
		})
	}
}

// One editor makes a whole call before an attempt of a request of the other's call, also
// between an attempt whose answer is lost and its repeat by the SDK.
func TestDraft_LosesNoChangeInAnyOrderOfRequests(t *testing.T) {
	t.Parallel()

	calls := map[string]func(*editor) request{
		"put": (*editor).put, "publish": (*editor).publish, "delete": (*editor).remove, "change": (*editor).change,
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d, orders := newDesk(t), 0
			for _, otherName := range slices.Sorted(maps.Keys(calls)) {
				for _, lose := range []bool{false, true} {
					what := fmt.Sprint(name, " interrupted by ", otherName, ", answers lost ", lose, ", attempt ")
					for attempt := 1; d.interrupt(call, calls[otherName], attempt, lose, fmt.Sprint(what, attempt)); attempt++ {
						orders++
					}
				}
			}
			t.Logf("%d orders: no change lost, none made twice", orders)
		})
	}
}

// interrupt makes a call, and another before that attempt of it. It returns false if there
// was no such attempt.
func (d *desk) interrupt(call, other func(*editor) request, attempt int, lose bool, what string) (happened bool) {
	version := d.reset()
	starter := d.editor()
	answered, err := starter.put()(d.t.Context())
	require.NoError(d.t, err)
	answered()
	interrupted, second := d.editor(), d.editor()
	faults := &dynamotest.Faults{LoseFirst: lose}
	interrupted.service = d.on(faults.Install, interrupting(attempt, func() {
		happened = true
		answered, err := other(second)(d.t.Context())
		requireExpected(d.t, err, what)
		if err == nil {
			answered()
		}
	}))
	answered, err = call(interrupted)(d.t.Context())
	requireExpected(d.t, err, what)
	if err == nil {
		answered()
	}
	d.check(version, what)
	return happened
}
