package disclosure

import (
	"math"
	"math/bits"
)

// Grid is what a query asks of a dataset.
type Grid struct {
	Columns []Column
	Periods [][]int64 // period group → periods of the policy's grain
	Groups  int       // number of entity groups
	Assign  []int32   // entity → entity group, −1 none
	AsOf    int
	Live    func(version int) bool // versions whose cells may be summed; nil: all
	Joint   []Joint
}

// Joint is columns of which one figure is made: they take the same classes, of the
// same versions.
type Joint struct {
	Columns []int // of the Grid, two or more
	// Measures, where there are several, are those of which a class's entities have a
	// cell of each or of none, so that the sums over the cells that they have in
	// common are their own sums.
	Measures []string
}

// Coverage is what the row of a group says of its entities.
type Coverage struct {
	Included int // counting entities that the figure takes whole: in every period and column in which they count
	Of       int // counting entities of the group, in the version as of which is answered
	HeldBack int // of those included, entities with news in a later version that the figure does not have yet
}

// Answer is what a Grid's groups take.
type Answer struct {
	Groups   []int32      // class → entity group in which it lies whole, −1
	Taken    []Taking     // column·(number of periods) + period, in the Grid's order; equal ones that follow on each other are shared
	Coverage [][]Coverage // entity group, period group
}

// Answer chooses for every source of a grid and counts what the figures cover. A
// Coverage is over all columns of the grid.
func (f *Family) Answer(dataset string, g Grid, cells Cells) (*Answer, error) {
	m := f.member(dataset)
	if m == nil {
		return nil, &Conflict{Code: ConflictUnknown, Dataset: dataset}
	}
	out := &Answer{Groups: f.tree.Groups(g.Assign)}
	n := 0
	for _, periods := range g.Periods {
		n += len(periods)
	}
	out.Taken = make([]Taking, len(g.Columns)*n)
	out.Coverage = make([][]Coverage, g.Groups)
	for i := range out.Coverage {
		out.Coverage[i] = make([]Coverage, len(g.Periods))
	}
	w := newCovering(f, m, g, cells, out)
	at := 0
	for j, periods := range g.Periods {
		clear(w.counting)
		clear(w.missed)
		clear(w.held)
		for i, period := range periods {
			w.chooseListed(period)
			for c := range g.Columns {
				out.Taken[c*n+at+i] = w.source(c, period)
			}
		}
		at += len(periods)
		w.count(j)
	}
	return out, nil
}

// covering counts what is covered, one period group after the other.
type covering struct {
	f     *Family
	m     *member
	g     Grid
	cells Cells
	out   *Answer
	live  func(version int) bool
	size  []int // entity group → entities
	words int   // of a set of all entities

	classes  Bits // that lie whole in a group
	all      bool // no other is there
	single   bool // no group has two of them
	entities Bits // of these classes

	counting, missed, held Bits // entities: count; are not taken somewhere where they count; have later news

	listed  []takings // column; where what a class takes is chosen class by class
	given   []int32   // class → version that gives it, as far as it is looked at
	changed []int32   // classes that take something else than by themselves
	last    Taking    // that of the source before
	taken   Bits      // its classes
	left    Bits      // all other entities
	other   Bits      // those of changed; room for hold
}

func newCovering(f *Family, m *member, g Grid, cells Cells, out *Answer) *covering {
	w := &covering{
		f: f, m: m, g: g, cells: cells, out: out, live: m.withdrawals(g.AsOf, g.Live), size: make([]int, g.Groups),
		words: (len(g.Assign) + 63) / 64, given: make([]int32, f.tree.Classes()), all: true,
	}
	if w.live != nil || f.rule != &theRule || len(g.Joint) > 0 {
		for range g.Columns {
			w.listed = append(w.listed, f.noTakings())
		}
	}
	for _, group := range g.Assign {
		if group >= 0 {
			w.size[group]++
		}
	}
	w.counting, w.missed, w.held = make(Bits, w.words), make(Bits, w.words), make(Bits, w.words)
	w.left, w.entities = make(Bits, w.words), make(Bits, w.words)
	for i := range w.left {
		w.left[i] = ^uint64(0)
	}
	w.single = !hasTwo(out.Groups, g.Groups)
	words := (len(out.Groups) + 63) / 64
	w.classes, w.taken, w.other = make(Bits, words), make(Bits, words), make(Bits, words)
	for class, group := range out.Groups {
		if group >= 0 {
			w.classes[class>>6] |= 1 << (class & 63)
			w.mark(w.entities, f.tree.members[class])
		} else {
			w.all = false
		}
	}
	return w
}

// hasTwo reports whether two classes lie in one group.
func hasTwo(groups []int32, of int) bool {
	seen := make([]bool, of)
	for _, group := range groups {
		if group < 0 {
			continue
		}
		if seen[group] {
			return true
		}
		seen[group] = true
	}
	return false
}

// chooseListed chooses for all columns of a period, class by class.
func (w *covering) chooseListed(period int64) {
	if w.listed == nil {
		return
	}
	for c, column := range w.g.Columns {
		w.f.choose(w.m, column, period, w.g.AsOf, w.out.Groups, w.live, w.listed[c])
	}
	for _, j := range w.g.Joint {
		w.join(j, period)
	}
}

// source notes whom the figure of one source misses, and returns what is taken.
func (w *covering) source(c int, period int64) Taking {
	column := w.g.Columns[c]
	newest, d := w.m.newest(column, period, w.g.AsOf+1)
	var taken Taking
	switch {
	case w.listed != nil:
		taken = w.takeListed(w.listed[c].given, d)
	case d != nil:
		taken = w.take(d)
	}
	if taken.Equal(w.last) {
		taken = w.last
	} else {
		w.last = taken
		w.findLeft()
	}
	_, counts := CellsOf(w.cells, w.g.AsOf, column, period)
	counts = counts[:min(len(counts), w.words)]
	left, counting, missed := w.left[:len(counts)], w.counting[:len(counts)], w.missed[:len(counts)]
	for i, x := range counts {
		counting[i] |= x
		missed[i] |= x & left[i]
	}
	if d != nil {
		w.hold(newest, d, column, period)
	}
	return taken
}

// take is what the groups take of a source of whose newest version d follows: what
// classes take by themselves, then, newest version first, units of several classes in
// the place of what is older. It is what choose gives.
func (w *covering) take(d *derived) Taking {
	w.changed = w.changed[:0]
	joins := d.joins
	if w.single {
		joins = nil
	} else {
		clear(w.given[copy(w.given, d.base.given):])
	}
	for _, u := range joins {
		if mayJoin(w.given, u.classes, w.out.Groups, u.version) {
			for _, class := range u.classes {
				w.given[class] = u.version
			}
			w.changed = append(w.changed, u.classes...)
		}
	}
	switch {
	case len(w.changed) == 0 && w.all:
		return d.taking
	case len(w.changed) == 0:
		return d.taking.among(w.classes)
	}
	for class, group := range w.out.Groups {
		if group < 0 {
			w.given[class] = 0
		}
	}
	return TakingOf(w.given)
}

// takeListed is a taking that was chosen class by class.
func (w *covering) takeListed(given []int32, d *derived) Taking {
	copy(w.given, given)
	w.changed = w.changed[:0]
	for class, version := range given {
		if d == nil || w.out.Groups[class] < 0 {
			continue
		}
		alone := int32(0)
		if class < len(d.base.given) {
			alone = d.base.given[class]
		}
		if alone != version {
			w.changed = append(w.changed, int32(class)) //nolint:gosec // at most the entities
		}
	}
	return TakingOf(given)
}

// findLeft finds the entities that are in no class of the last taking. Of one source and
// the next most are the same.
func (w *covering) findLeft() {
	for i := range w.taken {
		now := uint64(0)
		for _, g := range w.last {
			now |= g.Classes.word(i)
		}
		for differ := now ^ w.taken[i]; differ != 0; differ &= differ - 1 {
			class := i<<6 + bits.TrailingZeros64(differ)
			if members := w.f.tree.members[class]; now&(differ&-differ) != 0 {
				w.unmark(w.left, members)
			} else {
				w.mark(w.left, members)
			}
		}
		w.taken[i] = now
	}
}

// mark puts the entities that the grid knows into a set, and unmark takes them out.
func (w *covering) mark(set Bits, entities []int32) {
	for _, e := range entities {
		if int(e)>>6 < len(set) {
			set[e>>6] |= 1 << (e & 63)
		}
	}
}

func (w *covering) unmark(set Bits, entities []int32) {
	for _, e := range entities {
		if int(e)>>6 < len(set) {
			set[e>>6] &^= 1 << (e & 63)
		}
	}
}

// hold notes the entities with news in a version after the one that gave their class
// what is taken: those of d, but for classes that take something else than by
// themselves.
func (w *covering) hold(newest int, d *derived, c Column, period int64) {
	held := d.held[:min(len(d.held), w.words)]
	if len(w.changed) == 0 {
		into, entities := w.held[:len(held)], w.entities[:len(held)]
		for i, x := range held {
			into[i] |= x & entities[i]
		}
		return
	}
	oldest := int32(math.MaxInt32) // version that gave such a class
	clear(w.other)
	for _, class := range w.changed {
		w.other[class>>6] |= 1 << (class & 63)
		if given := w.given[class]; given != 0 {
			oldest = min(oldest, given)
		}
	}
	for i, x := range held {
		for x &= w.entities[i]; x != 0; x &= x - 1 {
			if !w.other.Has(int(w.f.tree.classOf[i<<6+bits.TrailingZeros64(x)])) {
				w.held[i] |= x & -x
			}
		}
	}
	for i := newest; i >= 0 && w.m.versions[i].Version > int(oldest); i-- {
		s := w.m.versions[i]
		at := s.index(c, period)
		if at < 0 {
			continue
		}
		for _, class := range w.changed {
			if given := w.given[class]; given != 0 && int(given) < s.Version && int(class) < len(s.sources[at].at) {
				w.mark(w.held, w.newsOf(i, at, class))
			}
		}
	}
}

// newsOf are the entities of a class with news in a source of one version.
func (w *covering) newsOf(version, source int, class int32) []int32 {
	if news := w.m.derived[version][source].news; news != nil {
		return news.list[news.start[class]:news.start[class+1]]
	}
	return w.m.versions[version].sources[source].news.pick(w.f.tree.members[class])
}

// count puts the numbers of period group j into the answer.
func (w *covering) count(j int) {
	add := func(who Bits, f func(c *Coverage)) {
		who.each(func(e int) {
			if e < len(w.g.Assign) && w.g.Assign[e] >= 0 {
				f(&w.out.Coverage[w.g.Assign[e]][j])
			}
		})
	}
	if 2*w.counting.Count() < len(w.g.Assign) {
		add(w.counting, func(c *Coverage) { c.Of++; c.Included++ })
	} else {
		for g := range w.out.Coverage {
			w.out.Coverage[g][j] = Coverage{Included: w.size[g], Of: w.size[g]}
		}
		add(w.counting.absent(len(w.g.Assign)), func(c *Coverage) { c.Of--; c.Included-- })
	}
	add(w.missed, func(c *Coverage) { c.Included-- })
	add(w.held.without(w.missed).And(w.counting), func(c *Coverage) { c.HeldBack++ })
}
