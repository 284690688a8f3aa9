package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// statement is what a caller said of a customer's topic, or of an address.
type statement struct {
	in               bool
	called, answered time.Time // the first try; zero as long as no try succeeded
	again            bool      // a try failed, so its handler may carry it out later
}

// statements are those about one topic, in the order of their calls.
type statements struct {
	first bool // holds before
	list  []*statement
}

func (s *statements) add(in bool) *statement {
	said := &statement{in: in, called: time.Now()}
	s.list = append(s.list, said)
	return said
}

// holds reports whether the customer certainly takes messages of the topic, or does not, all
// the time from one time to another. That is so if a statement was answered by then, or
// none was ever made, and no contrary one may have taken effect after it.
func (s *statements) holds(in bool, from, to time.Time) bool {
	bases := []*statement{{in: s.first, answered: time.Time{}.Add(1)}}
	for _, base := range append(bases, s.list...) {
		if base.in != in || base.answered.IsZero() || base.answered.After(from) {
			continue
		}
		contrary := false
		for _, other := range s.list {
			mayFollow := other.answered.IsZero() || other.again || !other.answered.Before(base.called)
			contrary = contrary || other.in != in && mayFollow && !other.called.After(to)
		}
		if !contrary {
			return true
		}
	}
	return false
}

// String returns the statements with their times.
func (s *statements) String() string {
	all := []string{fmt.Sprint(s.first)}
	for _, said := range s.list {
		all = append(all, fmt.Sprintf("%t from %s to %s, again: %t", said.in, instant(said.called), instant(said.answered), said.again))
	}
	return strings.Join(all, "; ")
}

// of returns what holds for a customer about a topic, or about their address if it is "".
// Links in messages to one who was forgotten, and had the same address, change that too.
func (s *subscriber) of(topic string) *statements {
	said := s.said[topic]
	if s.elder == nil || topic == "" {
		return said
	}
	all := &statements{first: said.first, list: slices.Clone(said.list)}
	for _, out := range s.elder.said[topic].list {
		switch {
		case out.in:
		case out.answered.After(s.elder.forgotten):
			all.list = append(all.list, out)
		case out.answered.IsZero() || out.again:
			all.list = append(all.list, &statement{called: out.called})
		}
	}
	return all
}

func TestStatements_HoldOnlyIfNoOrderContradicts(t *testing.T) {
	t.Parallel()

	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	in := &statement{in: true, called: at(10), answered: at(12)}
	out := &statement{called: at(20), answered: at(22)}
	for name, c := range map[string]struct {
		list     []*statement
		in       bool
		from, to int
		holds    bool
	}{
		"nothing said":                        {nil, false, 1, 99, true},
		"the contrary":                        {nil, true, 1, 99, false},
		"not yet":                             {[]*statement{in}, false, 1, 9, true},
		"being said":                          {[]*statement{in}, false, 11, 11, false},
		"not said yet":                        {[]*statement{in}, true, 11, 11, false},
		"said":                                {[]*statement{in}, true, 12, 99, true},
		"until the contrary is called":        {[]*statement{in, out}, true, 13, 19, true},
		"while the contrary is called":        {[]*statement{in, out}, true, 13, 20, false},
		"from its answer on":                  {[]*statement{in, out}, false, 22, 99, true},
		"not before":                          {[]*statement{in, out}, false, 21, 99, false},
		"an earlier one that may come later":  {[]*statement{{in: true, called: at(1), answered: at(2), again: true}, out}, false, 23, 99, false},
		"one without an answer":               {[]*statement{{in: true, called: at(1)}, out}, false, 23, 99, false},
		"one that overlaps":                   {[]*statement{{in: true, called: at(15), answered: at(21)}, out}, false, 23, 99, false},
		"one that is called after the period": {[]*statement{out, {in: true, called: at(30), answered: at(31)}}, false, 23, 29, true},
	} {
		require.Equal(t, c.holds, (&statements{list: c.list}).holds(c.in, at(c.from), at(c.to)), name)
	}
}
