package condition

import "hash/maphash"

// object is a list of members in source order. Names are hashed once, when the
// object is built or the condition is compiled, so that a lookup takes constant
// time.
type object struct {
	members []member
	slots   []int32 // hash table of positions in members, plus 1; nil for a small object
}

type member struct {
	name  name
	value Value
}

type name struct {
	text string
	hash uint64
}

// The seed is random per process, so a caller cannot choose colliding names.
var seed = maphash.MakeSeed()

func newName(text string) name { return name{text, maphash.String(seed, text)} }

func newPath(names []string) []name {
	path := make([]name, len(names))
	for i, text := range names {
		path[i] = newName(text)
	}
	return path
}

// maxUnhashed bounds the members that are searched linearly.
const maxUnhashed = 8

func newObject(members []member) *object {
	o := &object{members: members}
	if len(members) <= maxUnhashed {
		return o
	}
	size := 1
	for size < 2*len(members) {
		size *= 2
	}
	o.slots = make([]int32, size)
	for i := range members {
		at := o.slot(&members[i].name)
		o.slots[at] = int32(i + 1)
	}
	return o
}

// slot returns the index of n in slots, or of the free slot for it.
func (o *object) slot(n *name) int {
	last := len(o.slots) - 1
	for at := int(n.hash) & last; ; at = (at + 1) & last {
		i := o.slots[at]
		if i == 0 || o.members[i-1].name == *n {
			return at
		}
	}
}

// find returns the value of the member called n; nil if there is none or o is nil.
func (o *object) find(n *name) *Value {
	if o == nil {
		return nil
	}
	if o.slots != nil {
		if i := o.slots[o.slot(n)]; i > 0 {
			return &o.members[i-1].value
		}
		return nil
	}
	for i := range o.members {
		m := &o.members[i]
		if m.name.hash == n.hash && m.name.text == n.text {
			return &m.value
		}
	}
	return nil
}
