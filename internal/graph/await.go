package graph

import (
	"slices"
	"strconv"
	"strings"

	"journeys/internal/condition"
	"journeys/internal/digest"
	"journeys/internal/feedback"
	"journeys/internal/strict"
)

// The ways out of a wait that branches on how it ended. Where it names several events,
// each has a way of its own, named by its id.
const (
	EventWay   = "event"
	TimeoutWay = "timeout"
)

// MaxAwaits bounds the events that a wait names.
const MaxAwaits = 5

// Awaited is an event that ends a wait early.
type Awaited struct {
	ID string // name of its way; EventWay where the wait names a single event
	Watched

	// Step and Is name the feedback that ends the wait instead of an event: Watched.Type
	// is then that of feedback.EventType.
	Step string // id of the node; "" for an event
	Is   feedback.Kind
}

// Watched is an event that a wait, an exit or a goal looks for.
type Watched struct {
	Type      string
	Condition *condition.Program // on the event; nil for none
	Match     *Match             // nil for none
}

// Match is a property of the event that must equal one of the starting event.
type Match struct{ Event, Entry []string }

// Since is the moment after which an event ends a wait. The zero value is the entry of
// the customer.
type Since struct {
	Wait bool   // the beginning of the wait
	Step string // id of the node whose entry it is; "" for none
	Node int    // index of that node
}

// waysOfWait returns the ways out of a wait that so many edges leave. A single edge is
// the way of every outcome.
func (n *Node) waysOfWait(edges int) []string {
	if len(n.Awaits) == 0 || edges < 2 {
		return []string{""}
	}
	return n.outcomes()
}

// outcomes returns the names of the wait's outcomes: one per awaited event, in their
// order, and TimeoutWay.
func (n *Node) outcomes() []string {
	var names []string
	for _, a := range n.Awaits {
		names = append(names, a.ID)
	}
	return append(names, TimeoutWay)
}

// Awaits returns the events that end the node with that index early; nil for none or
// another type of node.
func (g *Graph) Awaits(i int) []Awaited { return g.nodes[i].Awaits }

// readAwaits compiles "waitForEvent" and "eventSince" of a wait.
func (n *Node) readAwaits(config *strict.Object) {
	event, ok := config.Take("waitForEvent")
	switch {
	case !ok:
	case event.IsString():
		n.Awaits = []Awaited{{ID: EventWay, Watched: Watched{Type: condition.ReadEventType(event)}}}
	case event.IsObject():
		n.readAny(event)
	default:
		event.Fault("must be the type of an event, or an object with any")
	}
	since, hasSince := config.Take("eventSince")
	if hasSince {
		n.Since = readSince(since)
	}
	if hasSince && !ok {
		n.missing("eventSince needs waitForEvent")
	}
}

// readAny compiles {"any":[...]}.
func (n *Node) readAny(v strict.Value) {
	object, _ := v.Object()
	object.DropNulls()
	isOutside := func(name string) bool { return name == "step" || name == "is" || name == "eventType" }
	if names := object.Names(); slices.ContainsFunc(names, isOutside) && !slices.Contains(names, "any") {
		v.Fault(`must name events, and feedback of a step, in any: {"any": [{"id": "a", "step": "mail", "is": "clicked"}]}`)
		return
	}
	defer object.Done("any")
	member, ok := object.Need("any")
	if !ok {
		return
	}
	list, ok := member.List()
	if !ok {
		return
	}
	if len(list) < 1 || len(list) > MaxAwaits {
		member.Fault("must have 1 to %d events, has %d", MaxAwaits, len(list))
		return
	}
	for _, item := range list {
		if object, ok := item.Object(); ok {
			n.readAwaited(object)
		}
	}
}

func (n *Node) readAwaited(object *strict.Object) {
	object.DropNulls()
	a := Awaited{ID: readWay(object, n.outcomes())}
	if step, ok := object.Take("step"); ok {
		a.Step, _ = step.Text(1, strict.MaxWord)
		a.Is = readKind(object)
		object.Done("id", "step", "is")
	} else {
		a.Watched = readWatched(object)
		object.Done("id", "eventType", "condition", "match", "step", "is")
	}
	n.Awaits = append(n.Awaits, a)
}

// readKind reads "is", a kind of feedback.
func readKind(object *strict.Object) (k feedback.Kind) {
	if v, ok := object.Need("is"); ok {
		name, _ := v.OneOf(feedback.Names()...)
		k, _ = feedback.Parse(name)
	}
	return k
}

// connectFeedback finds the messages whose feedback the wait awaits.
func (g *Graph) connectFeedback(n *Node) {
	for i := range n.Awaits {
		a := &n.Awaits[i]
		if a.Step == "" {
			continue
		}
		node, ok := g.index[a.Step]
		if !ok || g.nodes[node].Type != ChannelAction {
			n.Fault = strict.Fault{Pointer: "/config/waitForEvent/any/" + strconv.Itoa(i) + "/step", Detail: "is not a channel_action of this graph"}
			continue
		}
		a.Type = feedback.EventType(node, a.Is)
	}
}

// AwaitsEvent reports whether an event of that type ends a wait of the graph.
func (g *Graph) AwaitsEvent(eventType string) bool {
	return slices.ContainsFunc(g.nodes, func(n Node) bool {
		return slices.ContainsFunc(n.Awaits, func(a Awaited) bool { return a.Type == eventType })
	})
}

// EventsOf returns the types of the events that the condition asks for, and those that
// stand for the feedback that it reads.
func (g *Graph) EventsOf(p *condition.Program) []string {
	types := p.Events()
	for _, f := range p.Reads() {
		if node, k, ok := g.feedbackOf(f); ok {
			types = append(slices.Clip(types), feedback.EventType(node, k))
		}
	}
	return types
}

// feedbackOf returns the feedback that a field step.<id>.<kind> reads.
func (g *Graph) feedbackOf(f condition.Field) (node int, k feedback.Kind, ok bool) {
	if f.Source != condition.Step || len(f.Path) != 2 {
		return 0, 0, false
	}
	k, ok = feedback.Parse(f.Path[1])
	if ok {
		node, ok = g.index[f.Path[0]]
	}
	return node, k, ok && g.nodes[node].Type == ChannelAction
}

// readWatched reads "eventType", "condition" and "match".
func readWatched(object *strict.Object) (w Watched) {
	if v, ok := object.Need("eventType"); ok {
		w.Type = condition.ReadEventType(v)
	}
	w.Condition = takeCondition(object)
	if v, ok := object.Take("match"); ok {
		w.Match = readMatch(v)
	}
	return w
}

// readWay reads the id of a branch, which must differ from the names taken.
func readWay(object *strict.Object, taken []string) string {
	v, ok := object.Need("id")
	if !ok {
		return ""
	}
	id, ok := v.Text(1, strict.MaxWord)
	switch {
	case !ok:
	case !strict.IsWord(id, strict.MaxWord):
		v.Fault("must have only A-Z, a-z, 0-9, _ and -")
	case slices.Contains(reservedBranches, id), id == "exited": // the result of a wait that is left without a date
		v.Fault("must not be %q, which is reserved", id)
	case slices.Contains(taken, id):
		v.Fault("is the id of an earlier branch")
	}
	return id
}

// readMatch reads {"event","entry"}.
func readMatch(v strict.Value) *Match {
	object, ok := v.Object()
	if !ok {
		return nil
	}
	object.DropNulls()
	defer object.Done("event", "entry")
	return &Match{Event: readPath(object, "event"), Entry: readPath(object, "entry")}
}

// readPath reads the path of a property.
func readPath(object *strict.Object, name string) []string {
	v, ok := object.Need(name)
	if !ok {
		return nil
	}
	text, ok := v.Text(1, condition.MaxField)
	if !ok {
		return nil
	}
	path, fault := condition.ParsePath(text)
	switch {
	case fault != "":
		v.Fault("%s", fault)
	case strings.HasPrefix(text, "event."), strings.HasPrefix(text, "entryEvent."):
		v.Fault("must be a path in the properties, without %s in front", path[0])
	}
	return path
}

// readSince reads "entry", "wait" or {"step":"<node id>"}.
func readSince(v strict.Value) (since Since) {
	if !v.IsObject() {
		if since.Wait = v.Is("wait"); !since.Wait && !v.Is("entry") {
			v.Fault(`must be "entry", "wait" or a node such as {"step": "a"}`)
		}
		return since
	}
	object, _ := v.Object()
	object.DropNulls()
	defer object.Done("step")
	if step, ok := object.Need("step"); ok {
		since.Step, _ = step.Text(1, strict.MaxWord)
	}
	return since
}

// connectSince finds the node that the wait's eventSince names.
func (g *Graph) connectSince(n *Node) {
	if n.Since.Step == "" {
		return
	}
	var ok bool
	if n.Since.Node, ok = g.index[n.Since.Step]; !ok {
		n.Fault = strict.Fault{Pointer: "/config/eventSince/step", Detail: "is not a node of this graph"}
	}
}

// conditions returns the conditions that are evaluated at the node, except those of an
// entry.
func (n *Node) conditions() []*condition.Program {
	var list []*condition.Program
	for _, a := range n.Awaits {
		list = append(list, a.Condition)
	}
	list = append(list, n.Split.Conditions...)
	if n.Type == ConditionSplit {
		list = append(list, n.Condition)
	}
	return slices.DeleteFunc(list, func(p *condition.Program) bool { return p == nil })
}

// collectEvents sets n.Events.
func (g *Graph) collectEvents(n *Node) {
	for _, a := range n.Awaits {
		n.Events = append(n.Events, a.Type)
	}
	for _, p := range n.conditions() {
		n.Events = append(n.Events, g.EventsOf(p)...)
	}
	slices.Sort(n.Events)
	n.Events = slices.Compact(n.Events)
}

// ListenHash returns a short hash of a type of events. Several types may share one.
func ListenHash(eventType string) [2]byte {
	hash := digest.Of(eventType)
	return [2]byte(hash[:2])
}

// collectListens sets n.Listens, given the events of the pinned settings.
func (n *Node) collectListens(settings []watchedSetting) {
	for _, watched := range settings {
		n.listen(watched.Type)
	}
	for _, a := range n.Awaits {
		n.listen(a.Type)
	}
}

func (n *Node) listen(eventType string) {
	hash := ListenHash(eventType)
	for listed := range slices.Chunk(n.Listens, len(hash)) {
		if [2]byte(listed) == hash {
			return
		}
	}
	n.Listens = append(n.Listens, hash[:]...)
}

// reads returns the paths that are read of the event when it happens.
func (w *Watched) reads() [][]string {
	var paths [][]string
	if w.Match != nil {
		paths = append(paths, w.Match.Event)
	}
	if w.Condition != nil {
		for _, f := range w.Condition.Reads() {
			if f.Source == condition.Event {
				paths = append(paths, f.Path)
			}
		}
	}
	return paths
}

// PropertiesRead returns, by type of event, the paths of the properties that the graph
// reads when the event ends a wait or the run, reaches the goal, or later. An empty path
// reads all.
func (g *Graph) PropertiesRead() map[string][][]string {
	reads := map[string][][]string{}
	add := func(eventType string, paths [][]string) {
		if len(paths) > 0 {
			reads[eventType] = append(reads[eventType], paths...)
		}
	}
	for i := range g.nodes {
		for _, a := range g.nodes[i].Awaits {
			if a.Step != "" {
				continue // feedback has no properties
			}
			add(a.Type, a.reads())
			add(a.Type, g.steps[i])
		}
	}
	for _, watched := range g.watchedSettings() {
		add(watched.Type, watched.reads())
	}
	return reads
}
