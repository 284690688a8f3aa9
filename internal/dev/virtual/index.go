package virtual

import (
	"cmp"
	"slices"

	"journeys/internal/journey"
)

// partition is a partition of the due index. A key is in it as long as its customer is
// due at that time in that partition, so that to move a customer leaves a dead key
// behind, which the next merge removes.
type partition struct {
	of      journey.Partition
	n       int32 // its place in World.partitions
	keys    []key // sorted, some of them dead
	fresh   []key // not sorted yet
	dead    int
	read    int // the minute in which it was last read from its start, from 1
	minutes int // in how many minutes it was
}

type key struct {
	at int64
	id int32
}

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.at, other.at), cmp.Compare(k.id, other.id))
}

// partition returns a partition, which it makes if there is none.
func (w *World) partition(p journey.Partition) *partition {
	found := w.byPartition[p]
	if found == nil {
		found = &partition{of: p, n: int32(len(w.partitions))}
		w.partitions = append(w.partitions, found)
		w.byPartition[p] = found
	}
	return found
}

// visit notes that a partition was read from its start in a minute of the run.
func (p *partition) visit(minute int) {
	if p.read != minute+1 {
		p.read, p.minutes = minute+1, p.minutes+1
	}
}

// place moves a customer to a due time and a shard among that many; 0 removes it. It
// returns the index's write units.
func (w *World) place(id int32, due int64, shards, epoch int) (units int) {
	c := &w.customers[id]
	if c.due == due {
		return 0
	}
	if c.due != 0 {
		w.partitions[c.in].dead++
		units++
	}
	c.due = due
	if due == 0 {
		return units
	}
	l := &w.journeys[c.journey].live
	p := w.partition(journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: epoch, Shard: int(uint32(id)*2654435761>>8) % shards})
	c.in = p.n
	p.fresh = append(p.fresh, key{due, id})
	return units + 1
}

func (w *World) alive(p *partition, k key) bool {
	c := &w.customers[k.id]
	return c.due == k.at && c.in == p.n
}

// page returns at most limit keys due at before or earlier, behind after.
func (w *World) page(p *partition, before int64, after key, limit int) []key {
	w.settle(p)
	begin, found := slices.BinarySearchFunc(p.keys, after, key.compare)
	if found {
		begin++
	}
	var page []key
	for _, k := range p.keys[begin:] {
		if k.at > before || len(page) == limit {
			break
		}
		if w.alive(p, k) {
			page = append(page, k)
		}
	}
	return page
}

// settle sorts the fresh keys into the others, and removes the dead ones where they cost
// much.
func (w *World) settle(p *partition) {
	for len(p.keys) > 0 && !w.alive(p, p.keys[0]) {
		p.keys = p.keys[1:]
		p.dead--
	}
	slices.SortFunc(p.fresh, key.compare)
	behind := len(p.fresh) == 0 || len(p.keys) == 0 || p.keys[len(p.keys)-1].compare(p.fresh[0]) < 0
	if behind && p.dead <= len(p.keys)/2+16 {
		p.keys, p.fresh = append(p.keys, p.fresh...), nil
		return
	}
	all := append(p.keys, p.fresh...)
	slices.SortFunc(all, key.compare)
	all = slices.Compact(all)
	p.keys, p.fresh, p.dead = slices.DeleteFunc(all, func(k key) bool { return !w.alive(p, k) }), nil, 0
}
