// Package compare says of what nodes tell each other of their logs and states whose is wrong. It asks nobody.
package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// Mark is the digest of a node's state after so many entries.
type Mark struct {
	Entries uint64         `json:"entries"`
	Sum     catalog.Digest `json:"sum"`
}

// Doubt is why a node's state may be wrong.
type Doubt struct {
	Entries uint64   // after which it was seen
	Others  []string // who has another state there
	Alone   bool     // a majority of the voters has that other state
}

// States returns the nodes whose states may be wrong. A state that a majority of the voters
// has is right. Where no state has a majority, nobody is awaited who may make one, and
// those that a majority has shown to be wrong do not explain why there are several, any of
// them may be wrong.
func States(marks map[string][]Mark, voters []string, awaited func(entries uint64) bool) map[string]Doubt {
	at := map[uint64]map[catalog.Digest][]string{}
	for node, list := range marks {
		for _, m := range list {
			if at[m.Entries] == nil {
				at[m.Entries] = map[catalog.Digest][]string{}
			}
			at[m.Entries][m.Sum] = append(at[m.Entries][m.Sum], node)
		}
	}
	found := map[string]Doubt{}
	note := func(entries uint64, states map[catalog.Digest][]string, sum catalog.Digest, alone bool) {
		for _, node := range states[sum] {
			if was, known := found[node]; !known || entries < was.Entries {
				found[node] = Doubt{Entries: entries, Others: others(states, sum), Alone: alone}
			}
		}
	}
	var open []uint64
	for entries, states := range at {
		right, known := majority(states, voters)
		if len(states) > 1 && !known && !awaited(entries) {
			open = append(open, entries)
		}
		for sum := range states {
			if known && sum != right {
				note(entries, states, sum, true)
			}
		}
	}
	wrong := func(node string) bool { return found[node].Alone }
	for _, entries := range open {
		states := map[catalog.Digest][]string{}
		for sum, nodes := range at[entries] {
			if rest := slices.DeleteFunc(slices.Clone(nodes), wrong); len(rest) > 0 {
				states[sum] = rest
			}
		}
		for sum := range states {
			if len(states) > 1 {
				note(entries, states, sum, false)
			}
		}
	}
	return found
}

func majority(states map[catalog.Digest][]string, voters []string) (sum catalog.Digest, known bool) {
	for sum, nodes := range states {
		say := slices.DeleteFunc(slices.Clone(nodes), func(id string) bool { return !slices.Contains(voters, id) })
		if len(say) > len(voters)/2 {
			return sum, true
		}
	}
	return sum, false
}

// others are the nodes that have another state than sum, sorted.
func others(states map[catalog.Digest][]string, sum catalog.Digest) (nodes []string) {
	for s, list := range states {
		if s != sum {
			nodes = append(nodes, list...)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// String says of a state why it may be wrong.
func (d Doubt) String() string {
	weight := "and no majority says which is right"
	if d.Alone {
		weight = "which are a majority"
	}
	return fmt.Sprintf("after %d entries it differs from that of %s, %s", d.Entries, strings.Join(d.Others, ", "), weight)
}
