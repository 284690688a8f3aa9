package graph

import (
	"fmt"
	"slices"
	"time"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// Limits of exits and goals.
const (
	MaxExits      = 10
	MaxGoalWindow = 90 // days
)

// conditionExitReason is the default reason of an exitWhen.
const conditionExitReason = "exit_condition"

// EventExit is an entry of exitOn: an event that takes customers out of the journey.
type EventExit struct {
	Watched
	Reason    string // as callers see it
	Completed bool   // they leave as completed, not as cancelled
}

// ConditionExit is an exitWhen: a condition on which customers leave as cancelled. Its
// "event.*" is the starting event.
type ConditionExit struct {
	Condition *condition.Program
	Reason    string // as callers see it
}

// Goal is the event whose first occurrence in a run is the run's conversion.
type Goal struct {
	Watched
	Window time.Duration // after the entry, during which it also counts for customers that have left
}

// Exits returns the events that take customers out; nil for none.
func (g *Graph) Exits() []EventExit { return g.exits }

// ExitWhen returns the condition on which customers leave; nil for none.
func (g *Graph) ExitWhen() *ConditionExit { return g.exitWhen }

// Goal returns the goal; nil for none.
func (g *Graph) Goal() *Goal { return g.goal }

// HasExits reports whether customers may leave by an event or a condition.
func (g *Graph) HasExits() bool { return len(g.exits) > 0 || g.exitWhen != nil }

// ExitEvents returns the types of the events that exitOn names, or that the conditions of
// exitOn and exitWhen ask for, sorted.
func (g *Graph) ExitEvents() []string { return g.exitEvents }

// EventsAt returns the types of the events that are needed to move a customer on at the
// node with that index: those of the node, and ExitEvents. They are sorted.
func (g *Graph) EventsAt(i int) []string {
	if len(g.exitEvents) == 0 {
		return g.nodes[i].Events
	}
	types := slices.Concat(g.nodes[i].Events, g.exitEvents)
	slices.Sort(types)
	return slices.Compact(types)
}

// readExits compiles exitOn. A faulty entry is left out.
func (g *Graph) readExits(v strict.Value) {
	list, ok := v.List()
	if !ok {
		return
	}
	if len(list) > MaxExits {
		v.Fault("must have at most %d events, has %d", MaxExits, len(list))
		return
	}
	for _, item := range list {
		object, ok := item.Object()
		if !ok {
			continue
		}
		before := item.FaultCount()
		object.DropNulls()
		exit := EventExit{Watched: readWatched(object)}
		if exit.Reason, ok = takeName(object, "reason"); !ok {
			exit.Reason = "event:" + exit.Type
		}
		if as, ok := object.Take("as"); ok {
			choice, _ := as.OneOf("cancelled", "completed")
			exit.Completed = choice == "completed"
		}
		object.Done("eventType", "condition", "match", "reason", "as")
		if item.FaultCount() == before {
			g.exits = append(g.exits, exit)
		}
	}
}

func readExitWhen(v strict.Value) *ConditionExit {
	object, ok := v.Object()
	if !ok {
		return nil
	}
	before := v.FaultCount()
	object.DropNulls()
	exit := &ConditionExit{Condition: takeCondition(object)}
	_, _ = object.Need("condition")
	if exit.Reason, ok = takeName(object, "reason"); !ok {
		exit.Reason = conditionExitReason
	}
	object.Done("condition", "reason")
	if v.FaultCount() > before {
		return nil
	}
	return exit
}

func readGoal(v strict.Value) *Goal {
	object, ok := v.Object()
	if !ok {
		return nil
	}
	before := v.FaultCount()
	object.DropNulls()
	goal := &Goal{Watched: readWatched(object)}
	if window, ok := object.Need("windowDays"); ok {
		days, _ := window.Int(0, MaxGoalWindow)
		goal.Window = limit(days)
	}
	object.Done("eventType", "condition", "match", "windowDays")
	if v.FaultCount() > before {
		return nil
	}
	return goal
}

// watchedSetting is an event that a pinned setting watches, with its pointer.
type watchedSetting struct {
	*Watched
	pointer string
}

// watchedSettings returns the events that exitOn and the goal watch.
func (g *Graph) watchedSettings() []watchedSetting {
	var list []watchedSetting
	for i := range g.exits {
		list = append(list, watchedSetting{&g.exits[i].Watched, fmt.Sprint("/exitOn/", i)})
	}
	if g.goal != nil {
		list = append(list, watchedSetting{&g.goal.Watched, "/goal"})
	}
	return list
}

// collectExitEvents sets g.exitEvents.
func (g *Graph) collectExitEvents() {
	for _, exit := range g.exits {
		g.exitEvents = append(g.exitEvents, exit.Type)
		if exit.Condition != nil {
			g.exitEvents = append(g.exitEvents, g.EventsOf(exit.Condition)...)
		}
	}
	if g.exitWhen != nil {
		g.exitEvents = append(g.exitEvents, g.EventsOf(g.exitWhen.Condition)...)
	}
	slices.Sort(g.exitEvents)
	g.exitEvents = slices.Compact(g.exitEvents)
}

// eachSettingsCondition calls f with the conditions of exits and the goal.
func (g *Graph) eachSettingsCondition(f func(pointer string, p *condition.Program)) {
	for _, watched := range g.watchedSettings() {
		if watched.Condition != nil {
			f(watched.pointer+"/condition", watched.Condition)
		}
	}
	if g.exitWhen != nil {
		f("/exitWhen/condition", g.exitWhen.Condition)
	}
}

// readsOfSettings returns the fields that exits and the goal read, except those of the
// event at hand.
func (g *Graph) readsOfSettings() (fields []condition.Field) {
	g.eachSettingsCondition(func(pointer string, p *condition.Program) {
		for _, f := range p.Reads() {
			if f.Source != condition.Event || pointer == "/exitWhen/condition" {
				fields = append(fields, f)
			}
		}
	})
	return fields
}

func (g *Graph) hasNode(id string) bool {
	_, ok := g.index[id]
	return ok
}
