package journey

import (
	"bytes"

	"journeys/internal/graph"
)

// equals reports whether j and old have the same content, so that no write is
// needed.
func (j Journey) equals(old Journey) bool {
	return j.Status == old.Status && j.Published == old.Published && len(j.changedFields(old)) == 0
}

// changedFields returns the names of the fields in which j and old differ, without
// status, in the order of the API's answers.
func (j Journey) changedFields(old Journey) []string {
	var fields []string
	note := func(same bool, name string) {
		if !same {
			fields = append(fields, name)
		}
	}
	note(j.Name == old.Name, "name")
	note(j.Description == old.Description, "description")
	note(bytes.Equal(j.Definition, old.Definition), "definition")
	note(bytes.Equal(j.EntryCondition, old.EntryCondition), "entryCondition")
	note(j.MaxDurationDays == old.MaxDurationDays, "maxDurationDays")
	note(bytes.Equal(j.Reentry, old.Reentry), "reentry")
	note(j.EntryFrom.Equal(old.EntryFrom), "entryFrom")
	note(j.EntryUntil.Equal(old.EntryUntil), "entryUntil")
	if !bytes.Equal(j.Settings, old.Settings) {
		for _, name := range graph.SettingNames {
			note(bytes.Equal(graph.Setting(j.Settings, name), graph.Setting(old.Settings, name)), name)
		}
	}
	return fields
}

// describeWrite returns what a write of j does, which follows old.
func (j Journey) describeWrite(old Journey, publish bool) Write {
	if old.Rev == 0 {
		return Write{Actions: []Action{ActionCreated}}
	}
	w := Write{Fields: j.changedFields(old)}
	switch {
	case publish:
		w.Actions = append(w.Actions, ActionPublished)
	case len(w.Fields) > 0:
		w.Actions = append(w.Actions, ActionEdited)
	}
	if j.Status != old.Status {
		w.Actions = append(w.Actions, statusActions[j.Status])
	}
	return w
}
