package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/compare"
)

// Nodes tell each other in their pings what their states came to after some of their last
// entries. The same entries make the same state, so where two differ one of them has a state
// that is not that of the entries: its disk or its memory changed it. Which one it is, a
// majority tells; without one, each of those that differ is in doubt.

// errDoubt is returned by a node whose state may not be that of the entries. It does not
// lead, answers nothing and takes part in nothing, until its state was made again.
var errDoubt = errors.New("the state of this node is in doubt")

// stateMarks are this node's own.
func (mon *monitor) stateMarks() []compare.Mark {
	digests := mon.ledger.Digests()
	marks := make([]compare.Mark, len(digests))
	for i, d := range digests {
		marks[i] = compare.Mark{Entries: d.Entries, Sum: d.Sum}
	}
	return marks
}

// doubts compares the states of all nodes as far as they are known, and returns those that
// may be wrong.
func (mon *monitor) doubts() map[string]compare.Doubt {
	return mon.doubtsOf(mon.stateMarks())
}

// doubtsOf is doubts with this node's own marks. Majorities are those of voters, as of the ledger: seats whose
// nodes have not come yet, and seats that leave, say nothing of what is right.
func (mon *monitor) doubtsOf(own []compare.Mark) map[string]compare.Doubt {
	marks := map[string][]compare.Mark{}
	for id, v := range mon.health.all() {
		if mon.hasSeat(id) {
			marks[id] = v.marks
		}
	}
	marks[mon.id] = own
	return compare.States(marks, mon.voters(), func(entries uint64) bool { return mon.awaited(marks, entries) })
}

// awaited tells whether a node that answers has not told yet what its state was after so many
// entries: it may make a majority.
func (mon *monitor) awaited(marks map[string][]compare.Mark, entries uint64) bool {
	return slices.ContainsFunc(mon.voters(), func(id string) bool {
		behind := !slices.ContainsFunc(marks[id], func(m compare.Mark) bool { return m.Entries >= entries })
		return id != mon.id && behind && mon.health.isAlive(id)
	})
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
