// Package journeytest reads and generates journey definitions for tests. A
// generated graph follows from its seed, may have every node type, and is
// complete by construction.
package journeytest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Graph returns the JSON of a complete definition of about size nodes, at least
// 2. Splits read the attributes a0 to a3, numbers from 0 to 9, the field "score" of
// decisions, and results of steps; the branches of others than condition splits are b0, b1 and so
// on, and random splits share a salt or have none; waits last 1 to 48 hours and may
// wait for the events e0 to e2, with conditions on their "n", a number from 0 to 9, and
// their "cart"; channels are c0 and c1, and some messages go on after an error. Each
// update_customer adds 1 to the attribute total.<id of the node>, and changes one of a0 to
// a3. It cannot add to an a3 that is a text.
func Graph(r *rand.Rand, size int) string {
	return (&generator{r: r, size: max(size, 2)}).generate()
}

// GraphWithDates is Graph with waits until a time of day or until a date in the
// attributes d0 and d1. How late a customer is does not change their way: those without
// a date go on, or leave at a wait until "never", an attribute that must not exist. In half
// of the graphs these waits may wait for events too.
func GraphWithDates(r *rand.Rand, size int) string {
	g := &generator{r: r, size: max(size, 2)}
	mixed := r.IntN(2) == 0
	g.until = func(event string) string {
		if event != "" && !mixed || r.IntN(2) > 0 {
			return ""
		}
		return g.drawUntil()
	}
	return g.generate()
}

// GraphUntil is Graph with waits until the dates that until draws: the JSON of a wait's
// until, or "" for a delay. event is the JSON of the wait's waitForEvent, "" for none.
func GraphUntil(r *rand.Rand, size int, until func(event string) string) string {
	return (&generator{r: r, size: max(size, 2), until: until}).generate()
}

func (g *generator) generate() string {
	g.node("entry_trigger", "{}")
	// Edges lead to new nodes or to exits only, so there is no cycle.
	g.open = []end{{source: 0}}
	for len(g.open) > 0 {
		next := g.r.IntN(len(g.open))
		from := g.open[next]
		g.open = append(g.open[:next], g.open[next+1:]...)
		g.edge(from, g.target())
	}
	return fmt.Sprintf(`{"nodes":[%s],"edges":[%s]}`, strings.Join(g.nodes, ","), strings.Join(g.edges, ","))
}

type end struct {
	source int
	handle string
}

type generator struct {
	r         *rand.Rand
	size      int
	nodes     []string
	edges     []string
	open      []end
	decisions []int
	exits     []int
	until     func(event string) string // as in GraphUntil; nil for delays only
}

func (g *generator) node(kind, config string) int {
	i := len(g.nodes)
	g.nodes = append(g.nodes, fmt.Sprintf(
		`{"id":"n%d","type":%q,"config":%s,"position":{"x":%d,"y":0}}`, i, kind, config, 100*i))
	return i
}

func (g *generator) edge(from end, target int) {
	handle := ""
	if from.handle != "" {
		handle = fmt.Sprintf(`,"sourceHandle":%q`, from.handle)
	}
	g.edges = append(g.edges, fmt.Sprintf(
		`{"id":"e%d","source":"n%d","target":"n%d"%s}`, len(g.edges), from.source, target, handle))
}

// target returns the node for an open end: an exit if the graph is full, a new
// node otherwise.
func (g *generator) target() int {
	if len(g.nodes) >= g.size || g.r.IntN(6) == 0 && len(g.nodes) > 2 {
		return g.exit()
	}
	switch g.r.IntN(15) {
	case 0, 1, 2:
		config, ways := g.wait()
		i := g.node("wait", config)
		for _, way := range ways {
			g.open = append(g.open, end{i, way})
		}
		return i
	case 3, 4:
		i := g.node("condition_split", `{"condition":`+g.condition()+`}`)
		g.open = append(g.open, end{i, "true"}, end{i, "false"})
		return i
	case 5:
		return g.multiSplit()
	case 6:
		return g.randomSplit()
	case 7, 8:
		i := g.node("nba_decision", `{"decisionFlowId":"next-best"}`)
		g.decisions = append(g.decisions, i)
		g.open = append(g.open, end{source: i})
		return i
	case 9, 10, 11:
		i := g.node("update_customer", g.update())
		g.open = append(g.open, end{source: i})
		return i
	}
	onError := ""
	if len(g.nodes)%2 == 0 {
		onError = `,"onError":"continue"`
	}
	i := g.node("channel_action", fmt.Sprintf(`{"channel":"c%d","templateId":"t"%s}`, g.r.IntN(2), onError))
	g.open = append(g.open, end{source: i})
	return i
}

func (g *generator) multiSplit() int {
	var branches []string
	for i := range 2 + g.r.IntN(2) {
		branches = append(branches, fmt.Sprintf(`{"id":"b%d","condition":%s}`, i, g.condition()))
	}
	i := g.node("multi_split", fmt.Sprintf(`{"branches":[%s]}`, strings.Join(branches, ",")))
	for way := range branches {
		g.open = append(g.open, end{i, fmt.Sprintf("b%d", way)})
	}
	g.open = append(g.open, end{i, "else"})
	return i
}

func (g *generator) randomSplit() int {
	branches := []string{fmt.Sprintf(`{"id":"b0","weight":%d}`, 1+g.r.IntN(3))}
	for i := range 1 + g.r.IntN(3) {
		branches = append(branches, fmt.Sprintf(`{"id":"b%d","weight":%d}`, i+1, g.r.IntN(3)))
	}
	salt := ""
	if g.r.IntN(2) == 0 {
		salt = `,"salt":"control"`
	}
	i := g.node("random_split", fmt.Sprintf(`{"branches":[%s]%s}`, strings.Join(branches, ","), salt))
	for way := range branches {
		g.open = append(g.open, end{i, fmt.Sprintf("b%d", way)})
	}
	return i
}

func (g *generator) exit() int {
	if len(g.exits) > 0 && g.r.IntN(2) == 0 {
		return g.exits[g.r.IntN(len(g.exits))]
	}
	i := g.node("exit", fmt.Sprintf(`{"reason":"r%d"}`, len(g.exits)))
	g.exits = append(g.exits, i)
	return i
}

// wait returns the config of a wait, and the handles of its edges.
func (g *generator) wait() (config string, ways []string) {
	event, ways := "", []string{"event", "timeout"}
	switch g.r.IntN(4) {
	case 0, 1:
		return "{" + g.end("") + "}", []string{""}
	case 2:
		event = fmt.Sprintf(`"e%d"`, g.r.IntN(3))
	default:
		event, ways = g.awaited()
	}
	end := g.end(event)
	if g.r.IntN(4) == 0 {
		event += `,"eventSince":"wait"`
	}
	if g.r.IntN(2) == 0 {
		ways = []string{""}
	}
	return fmt.Sprintf(`{%s,"waitForEvent":%s}`, end, event), ways
}

// end returns the member of a wait's config that says when it ends.
func (g *generator) end(event string) string {
	if g.until != nil {
		if until := g.until(event); until != "" {
			return `"until":` + until
		}
	}
	return fmt.Sprintf(`"delayHours":%d`, 1+g.r.IntN(48))
}

// awaited returns a list of 1 to 3 events, and the names of the wait's outcomes.
func (g *generator) awaited() (events string, ways []string) {
	var list []string
	for i := range 1 + g.r.IntN(3) {
		more := ""
		switch g.r.IntN(4) {
		case 0:
			more = fmt.Sprintf(`,"condition":{"field":"event.n","operator":"gte","value":%d}`, g.r.IntN(10))
		case 1:
			more = `,"condition":{"all":[{"field":"a9","operator":"exists","value":false},{"field":"event.n","operator":"lt","value":8}]}`
		case 2:
			more = `,"match":{"event":"cart","entry":"cart"}`
		}
		ways = append(ways, fmt.Sprintf("b%d", i))
		list = append(list, fmt.Sprintf(`{"id":%q,"eventType":"e%d"%s}`, ways[i], g.r.IntN(3), more))
	}
	return `{"any":[` + strings.Join(list, ",") + `]}`, append(ways, "timeout")
}

func (g *generator) update() string {
	total := fmt.Sprintf(`"total.n%d":1`, len(g.nodes))
	switch g.r.IntN(4) {
	case 0:
		return fmt.Sprintf(`{"add":{%s,"a%d":%d}}`, total, g.r.IntN(4), g.r.IntN(9)-4)
	case 1:
		return fmt.Sprintf(`{"add":{%s},"unset":["attributes.a%d"]}`, total, g.r.IntN(4))
	case 2:
		score := "attributes.a0"
		if len(g.decisions) > 0 {
			score = fmt.Sprintf("decision.n%d.score", g.decisions[g.r.IntN(len(g.decisions))])
		}
		return fmt.Sprintf(`{"add":{%s},"set":{"a3":"{{%s | default: 'none'}}"}}`, total, score)
	}
	return fmt.Sprintf(`{"add":{%s},"set":{"a%d":%d}}`, total, g.r.IntN(4), g.r.IntN(10))
}

func (g *generator) drawUntil() string {
	switch g.r.IntN(8) {
	case 0:
		return `{"field":"never","otherwise":"exit"}`
	case 1, 2:
		return fmt.Sprintf(`{"time":"%02d:30"}`, g.r.IntN(24))
	case 3:
		return `{"time":"09:00","days":["mon","wed","sat"],"timezone":"America/New_York"}`
	case 4:
		return `{"field":"d1","yearly":true,"time":"08:00"}`
	}
	return fmt.Sprintf(`{"field":"d%d","offset":{"value":%d,"unit":"days"}}`, g.r.IntN(2), g.r.IntN(5)-2)
}

func (g *generator) condition() string {
	field := fmt.Sprintf("a%d", g.r.IntN(4))
	if len(g.decisions) > 0 && g.r.IntN(2) == 0 {
		field = fmt.Sprintf("decision.n%d.score", g.decisions[g.r.IntN(len(g.decisions))])
	}
	leaf := fmt.Sprintf(`{"field":%q,"operator":"gte","value":%d}`, field, g.r.IntN(10))
	if g.r.IntN(4) == 0 {
		leaf = fmt.Sprintf(`{"field":"step.n%d.result","operator":"in","value":["true","woken","b0","empty","entered"]}`, g.r.IntN(len(g.nodes)))
	}
	if g.r.IntN(3) == 0 {
		return fmt.Sprintf(`{"any":[%s,{"field":"a0","operator":"exists","value":false}]}`, leaf)
	}
	return leaf
}
