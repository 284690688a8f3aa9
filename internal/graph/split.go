package graph

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"journeys/internal/condition"
	"journeys/internal/digest"
	"journeys/internal/strict"
)

// Limits of a split.
const (
	MaxConditions = MaxWays - 1 // branches of a multi_split; the last way is "else"
	MaxWeight     = 10_000      // of a branch of a random_split
)

// reservedBranches are the names of ways that no caller chooses.
var reservedBranches = []string{"event", "timeout", "else", "true", "false"}

// SplitConfig is the config of a multi_split or a random_split.
type SplitConfig struct {
	Branches   []string             // ids in the order of the config
	Conditions []*condition.Program // multi_split: of each branch; nil for a faulty one
	Weights    []int                // random_split: of each branch
	Salt       string               // random_split: "" for the default
}

// readMultiSplit reads the branches of a multi_split.
func (n *Node) readMultiSplit(config *strict.Object) {
	n.readBranches(config, MaxConditions, "condition", func(branch *strict.Object) {
		n.Split.Conditions = append(n.Split.Conditions, takeCondition(branch))
	})
	config.Done("branches")
}

// readRandomSplit reads the branches and the salt of a random_split.
func (n *Node) readRandomSplit(config *strict.Object) {
	n.Split.Salt, _ = takeName(config, "salt")
	readable := true
	n.readBranches(config, MaxWays, "weight", func(branch *strict.Object) {
		weight := 0
		v, ok := branch.Take("weight")
		if ok {
			weight, ok = v.Int(0, MaxWeight)
		}
		readable = readable && ok
		n.Split.Weights = append(n.Split.Weights, weight)
	})
	config.Done("branches", "salt")
	if v, ok := config.Take("branches"); ok && readable && len(n.Split.Weights) > 0 && n.Split.total() == 0 {
		v.Fault("must have a weight above 0")
	}
}

// readBranches reads the list of branches: each has an id and the field called name,
// which read reads.
func (n *Node) readBranches(config *strict.Object, most int, name string, read func(branch *strict.Object)) {
	v, ok := config.Take("branches")
	if !ok {
		n.missing("branches is required")
		return
	}
	list, ok := v.List()
	if !ok {
		return
	}
	if len(list) < 2 || len(list) > most {
		v.Fault("must have 2 to %d branches, has %d", most, len(list))
		return
	}
	for _, item := range list {
		id := ""
		if branch, ok := item.Object(); ok {
			branch.DropNulls()
			id = n.Split.readBranchID(branch)
			branch.Need(name)
			read(branch)
			branch.Done("id", name)
		}
		n.Split.Branches = append(n.Split.Branches, id)
	}
}

// readBranchID reads the id of the next branch; "" for a missing one.
func (s *SplitConfig) readBranchID(branch *strict.Object) string {
	v, ok := branch.Need("id")
	if !ok {
		return ""
	}
	id, ok := v.Text(1, strict.MaxWord)
	if !ok {
		return ""
	}
	first := slices.Index(s.Branches, id)
	switch {
	case !strict.IsWord(id, strict.MaxWord):
		v.Fault("must have only A-Z, a-z, 0-9, _ and -")
	case slices.Contains(reservedBranches, id):
		v.Fault("must not be event, timeout, else, true or false")
	case first >= 0:
		v.Fault("duplicates the id of branches/%d", first)
	}
	return id
}

// total returns the sum of the weights.
func (s *SplitConfig) total() (sum uint64) {
	for _, weight := range s.Weights {
		sum += uint64(weight)
	}
	return sum
}

// Share returns the share of a branch of a random_split, from 0 to 1.
func (s *SplitConfig) Share(way int) float64 { return float64(s.Weights[way]) / float64(s.total()) }

// warnOfLaterSteps warns of each node that reads a step which does not come before it on
// every way, and of each setting that reads one that does not exist.
func (g *Graph) warnOfLaterSteps(base string, warnings *strict.Faults) {
	const noNode = "reads step.%s, which is no node of this graph; the field is missing"
	g.eachSettingsCondition(func(pointer string, p *condition.Program) {
		for _, f := range p.Reads() {
			if f.Source == condition.Step && len(f.Path) > 0 && !g.hasNode(f.Path[0]) {
				warnings.Add(pointer, noNode, short(f.Path[0]))
			}
		}
	})
	if g.entry < 0 {
		return
	}
	for i := range g.nodes {
		for j, a := range g.nodes[i].Awaits {
			if step, ok := g.index[a.Step]; ok && g.canAvoid(step, i) {
				warnings.Add(awaitPointer(base, i, j)+"/step", "does not come before the wait on every way; on the others, it is never %s", a.Is)
			}
		}
		var warned []string
		for _, f := range g.nodes[i].reads() {
			if f.Source != condition.Step || len(f.Path) == 0 || slices.Contains(warned, f.Path[0]) {
				continue
			}
			warned = append(warned, f.Path[0])
			step, ok := g.index[f.Path[0]]
			switch {
			case !ok:
				warnings.Add(at(base, i)+"/config", noNode, short(f.Path[0]))
			case step == i || g.canAvoid(step, i):
				warnings.Add(at(base, i)+"/config", "reads step.%s, which does not come before it on every way; on the others, the field is missing", short(f.Path[0]))
			}
		}
	}
}

// canAvoid reports whether a way leads from the entry to a node without passing another.
func (g *Graph) canAvoid(avoided, to int) bool {
	targets := make([][]int, len(g.nodes))
	for i := range g.nodes {
		for _, next := range g.nodes[i].Next {
			if next >= 0 && i != avoided {
				targets[i] = append(targets[i], next)
			}
		}
	}
	return reachable(targets, g.entry)[to]
}

// Choose returns the index of the first branch of a multi_split whose condition holds;
// that of "else" if none does.
func (n *Node) Choose(facts *condition.Facts) (way int) {
	for way < len(n.Split.Conditions) && !n.Split.Conditions[way].Eval(facts) {
		way++
	}
	return way
}

// Draw returns the index of the branch of a random_split by which a customer leaves in a
// journey, always the same. With a Salt it depends on the salt and the customer alone.
// The branches take consecutive ranges of the hash, in their order.
func (n *Node) Draw(journey, customer string) (way int) {
	hash := digest.Of(journey, n.ID, customer)
	if n.Split.Salt != "" {
		hash = digest.Of(n.Split.Salt, customer)
	}
	// The high word of the product is below the total. Its bias is below 2^-47.
	bucket, _ := bits.Mul64(binary.BigEndian.Uint64(hash[:8]), n.Split.total())
	for way < len(n.Split.Weights)-1 && bucket >= uint64(n.Split.Weights[way]) {
		bucket -= uint64(n.Split.Weights[way])
		way++
	}
	return way
}
