package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
)

// Nodes tell each other in their pings what their states came to after some of their last
// entries. The same entries make the same state, so where two differ one of them has a state
// that is not that of the entries: its disk or its memory changed it. Which one it is, a
// majority tells; without one, each of those that differ is in doubt.

// errDoubt is returned by a node whose state may not be that of the entries. It does not
// lead, answers nothing and takes part in nothing, until its state was made again.
var errDoubt = errors.New("the state of this node is in doubt")

// stateMark is the digest of a node's state after so many entries.
type stateMark struct {
	Entries uint64         `json:"entries"`
	Sum     catalog.Digest `json:"sum"`
}

// doubt is why a node's state may be wrong.
type doubt struct {
	entries uint64   // after which it was seen
	others  []string // who has another state there
	alone   bool     // a majority of the roster has that other state
}

// stateMarks are this node's own.
func (mon *monitor) stateMarks() []stateMark {
	digests := mon.ledger.Digests()
	marks := make([]stateMark, len(digests))
	for i, d := range digests {
		marks[i] = stateMark{d.Entries, d.Sum}
	}
	return marks
}

// doubts compares the states of all nodes as far as they are known, and returns those that
// may be wrong.
func (mon *monitor) doubts() map[string]doubt {
	marks := map[string][]stateMark{}
	for id, v := range mon.health.all() {
		if mon.hasSeat(id) {
			marks[id] = v.marks
		}
	}
	marks[mon.id] = mon.stateMarks()
	return compareStates(marks, len(mon.members.Nodes), func(entries uint64) bool { return mon.awaited(marks, entries) })
}

// awaited tells whether a node that answers has not told yet what its state was after so many
// entries: it may make a majority.
func (mon *monitor) awaited(marks map[string][]stateMark, entries uint64) bool {
	return slices.ContainsFunc(mon.members.Roster().Nodes, func(id string) bool {
		behind := !slices.ContainsFunc(marks[id], func(m stateMark) bool { return m.Entries >= entries })
		return id != mon.id && behind && mon.health.isAlive(id)
	})
}

// compareStates returns the nodes whose states may be wrong. A state that a majority of the
// roster has is right. Where no state has a majority, nobody is awaited who may make one, and
// those that a majority has shown to be wrong do not explain why there are several, any of
// them may be wrong.
func compareStates(marks map[string][]stateMark, roster int, awaited func(entries uint64) bool) map[string]doubt {
	at := map[uint64]map[catalog.Digest][]string{}
	for node, list := range marks {
		for _, m := range list {
			if at[m.Entries] == nil {
				at[m.Entries] = map[catalog.Digest][]string{}
			}
			at[m.Entries][m.Sum] = append(at[m.Entries][m.Sum], node)
		}
	}
	found := map[string]doubt{}
	note := func(entries uint64, states map[catalog.Digest][]string, sum catalog.Digest, alone bool) {
		for _, node := range states[sum] {
			if was, known := found[node]; !known || entries < was.entries {
				found[node] = doubt{entries: entries, others: others(states, sum), alone: alone}
			}
		}
	}
	var open []uint64
	for entries, states := range at {
		right, known := majority(states, roster)
		if len(states) > 1 && !known && !awaited(entries) {
			open = append(open, entries)
		}
		for sum := range states {
			if known && sum != right {
				note(entries, states, sum, true)
			}
		}
	}
	wrong := func(node string) bool { return found[node].alone }
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

func majority(states map[catalog.Digest][]string, roster int) (sum catalog.Digest, known bool) {
	for sum, nodes := range states {
		if len(nodes) > roster/2 {
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

// stateFault returns an error that wraps errDoubt when this node's own state may be wrong: it
// differs from that of others, or it has entries and not the first of them, the founding.
func (mon *monitor) stateFault() error {
	if d, in := mon.doubts()[mon.id]; in {
		return fmt.Errorf("%w: %s", errDoubt, d)
	}
	if mon.ledger.NextSeq() == 0 {
		return nil
	}
	err := mon.view(func(v state.View) error { _, err := v.Cluster(); return err })
	if errors.Is(err, records.ErrNotFound) {
		return fmt.Errorf("%w: it has applied %d entries and lacks the founding, which is the first", errDoubt, mon.ledger.NextSeq())
	}
	return nil //nolint:nilerr // whoever uses the state hears of any other error
}

// String says of a state why it may be wrong.
func (d doubt) String() string {
	weight := "and no majority says which is right"
	if d.alone {
		weight = "which are a majority"
	}
	return fmt.Sprintf("after %d entries it differs from that of %s, %s", d.entries, strings.Join(d.others, ", "), weight)
}

// alarms says which other nodes' states are in doubt.
func (mon *monitor) alarms() (list []string) {
	found := mon.doubts()
	for _, id := range mon.ids() {
		if d, in := found[id]; in && id != mon.id {
			list = append(list, fmt.Sprintf("the state of %s is in doubt: %s", id, d))
		}
	}
	return list
}

// complainOfStates logs every alarm once.
func (mon *monitor) complainOfStates(ctx context.Context) {
	now := mon.alarms()
	if err := mon.stateFault(); err != nil {
		now = append(now, err.Error())
	}
	for _, alarm := range mon.health.newAlarms(now) {
		mon.log.ErrorContext(ctx, "states differ", "alarm", alarm)
	}
}

// canHandOver tells whether another node that answers could lead: one that is in doubt would
// hand the lead back.
func (mon *monitor) canHandOver() bool {
	found := mon.doubts()
	return slices.ContainsFunc(mon.ids(), func(id string) bool {
		_, in := found[id]
		return id != mon.id && !in && mon.health.isAlive(id)
	})
}

// newAlarms returns those that were not there when it was last called.
func (h *health) newAlarms(now []string) (fresh []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range now {
		if !slices.Contains(h.alarms, a) {
			fresh = append(fresh, a)
		}
	}
	h.alarms = now
	return fresh
}
