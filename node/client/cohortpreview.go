package client

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// CohortFailure is a set on which the cohort test of a private query would fail
// (PROTOCOL section 6): of its Members so many are Selected, and neither those nor
// the rest may be few.
type CohortFailure struct {
	Set      int // its number in the list that was looked at
	Selected int
	Members  int
	NoRest   bool // an empty rest would fail too
}

// Why says what is wrong with it, k being min_cohort.
func (f CohortFailure) Why(k int) string {
	rest := f.Members - f.Selected
	switch {
	case f.Selected > 0 && f.Selected < k:
		return fmt.Sprintf("%d of %d entities are selected, at least %d or none must be", f.Selected, f.Members, k)
	case rest == 0:
		return fmt.Sprintf("all %d entities are selected, and others of their class have readings without counting: at least %d must be left", f.Members, k)
	}
	return fmt.Sprintf("all but %d of %d entities are selected, at least %d or none must be left", rest, f.Members, k)
}

// CohortProposal is what to leave out of a portfolio so that the test passes.
type CohortProposal struct {
	Failures []CohortFailure // of the portfolio as it is
	LeaveOut []int32         // entities, ascending
	Left     int             // entities of the portfolio that stay in it
	Released int             // of those, the ones that any of the sets has
	// Hopeless are sets that fail however few entities are selected.
	Hopeless []CohortFailure
}

// ProposeCohort works out on which sets the test of a portfolio would fail, and
// which entries to leave out so that it passes. selected are entities, ascending.
// The proposal leaves out little, though perhaps not the least possible: no entry
// that it leaves out could alone be put back.
func ProposeCohort(k int, sets []catalog.CohortSet, selected []int32) CohortProposal {
	c := newCohortCounts(k, sets, selected)
	out := CohortProposal{}
	for i := range sets {
		if c.fails(i) {
			out.Failures = append(out.Failures, c.failure(i))
		}
	}
	c.mend(out.Failures)
	out.LeaveOut = c.putBack()
	for i := range sets {
		if c.fails(i) {
			out.Hopeless = append(out.Hopeless, c.failure(i))
		}
	}
	out.Left = len(selected) - len(out.LeaveOut)
	for _, e := range selected {
		if len(c.sets[e]) > 0 && c.in[e] {
			out.Released++
		}
	}
	return out
}

// cohortCounts are how many entities of each set are selected, while entities are
// taken out of the selection.
type cohortCounts struct {
	k        int
	list     []catalog.CohortSet
	in       map[int32]bool    // selected
	sets     map[int32][]int32 // of the selected, the sets that they are in
	selected []int             // per set
	queue    setQueue
	queued   []bool
	out      []int32 // taken out, in order
}

func newCohortCounts(k int, sets []catalog.CohortSet, selected []int32) *cohortCounts {
	c := &cohortCounts{
		k: k, list: sets, in: make(map[int32]bool, len(selected)), sets: make(map[int32][]int32, len(selected)),
		selected: make([]int, len(sets)), queued: make([]bool, len(sets)),
	}
	for _, e := range selected {
		c.in[e] = true
	}
	for i, s := range sets {
		for _, e := range s.Members {
			if c.in[e] {
				c.selected[i]++
				c.sets[e] = append(c.sets[e], int32(i)) //nolint:gosec // a position in the list
			}
		}
	}
	return c
}

func (c *cohortCounts) rest(set int) int { return len(c.list[set].Members) - c.selected[set] }

// fails is the test of one set.
func (c *cohortCounts) fails(set int) bool {
	few := func(n int) bool { return n > 0 && n < c.k }
	return few(c.selected[set]) || few(c.rest(set)) || c.list[set].NoRest && c.rest(set) == 0
}

func (c *cohortCounts) failure(set int) CohortFailure {
	s := c.list[set]
	return CohortFailure{Set: set, Selected: c.selected[set], Members: len(s.Members), NoRest: s.NoRest}
}

// mend takes entities out until every set passes or has nothing left to take. Each
// step takes at least one out, so it ends.
func (c *cohortCounts) mend(failures []CohortFailure) {
	for _, f := range failures {
		c.enqueue(f.Set)
	}
	for c.queue.Len() > 0 {
		set := heap.Pop(&c.queue).(int)
		c.queued[set] = false
		if c.fails(set) && c.selected[set] > 0 {
			c.take(set)
		}
	}
}

// enqueue has a set looked at, the sets of the lowest numbers first.
func (c *cohortCounts) enqueue(set int) {
	if !c.queued[set] {
		c.queued[set] = true
		heap.Push(&c.queue, set)
	}
}

// take makes a failing set pass: it leaves k over where that leaves k selected, and
// else takes all of its selected entities out. What is taken is first what other
// sets want taken too.
func (c *cohortCounts) take(set int) {
	n := c.k - c.rest(set)
	if c.selected[set] < c.k || c.selected[set]-n < c.k {
		n = c.selected[set]
	}
	var candidates []int32
	wanted := map[int32]int{}
	for _, e := range c.list[set].Members {
		if !c.in[e] {
			continue
		}
		candidates = append(candidates, e)
		for _, s := range c.sets[e] {
			if c.fails(int(s)) {
				wanted[e]++
			}
		}
	}
	slices.SortFunc(candidates, func(a, b int32) int {
		return cmp.Or(cmp.Compare(wanted[b], wanted[a]), cmp.Compare(a, b))
	})
	for _, e := range candidates[:n] {
		c.in[e] = false
		c.out = append(c.out, e)
		for _, s := range c.sets[e] {
			c.selected[s]--
			c.enqueue(int(s))
		}
	}
}

// putBack selects again what turned out not to have needed taking, and returns what
// stays out, ascending.
func (c *cohortCounts) putBack() []int32 {
	var out []int32
	for _, e := range slices.Backward(c.out) {
		fail := false
		for _, s := range c.sets[e] {
			c.selected[s]++
			fail = fail || c.fails(int(s))
		}
		if !fail {
			c.in[e] = true
			continue
		}
		for _, s := range c.sets[e] {
			c.selected[s]--
		}
		out = append(out, e)
	}
	slices.Sort(out)
	return out
}

// setQueue is a heap of the numbers of sets.
type setQueue struct{ sets []int }

func (q *setQueue) Len() int           { return len(q.sets) }
func (q *setQueue) Less(i, j int) bool { return q.sets[i] < q.sets[j] }
func (q *setQueue) Swap(i, j int)      { q.sets[i], q.sets[j] = q.sets[j], q.sets[i] }
func (q *setQueue) Push(x any)         { q.sets = append(q.sets, x.(int)) }

func (q *setQueue) Pop() any {
	last := q.sets[len(q.sets)-1]
	q.sets = q.sets[:len(q.sets)-1]
	return last
}
