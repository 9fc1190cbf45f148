package disclosure

import (
	"fmt"
	"slices"
)

// JoinSide is one publisher's measure in a product of two publishers.
type JoinSide struct {
	Family  *Family
	Dataset string
	Measure string
	Cells   Cells
}

// JoinPair is a version of each side.
type JoinPair struct{ A, B int }

// JoinSet is a set of entities over which a product may be summed, of the cells
// of a pair of versions.
type JoinSet struct {
	Pair     JoinPair // whose cells are summed
	Members  []int32  // entities, ascending
	ClassesA []int32  // the same set in classes of A's family, ascending
	ClassesB []int32  // and in classes of B's
	HeldBack []int32  // members with news in a later pair, up to that as of which is answered, ascending
}

// JoinGrid is what a query asks of a join.
type JoinGrid struct {
	Periods []int64             // of the policy's grain
	Pairs   []JoinPair          // the settled sequence
	AsOf    JoinPair            // one of Pairs; zero: the last
	Live    func(JoinPair) bool // pairs whose cells may be summed; nil: all
}

// NextPair appends to the sequence of pairs of a join the one that is there once
// a version of either side went live: the newest of each, 0 for none. It is the
// sequence of the ledger, the same for every query; nothing is appended while a side
// has no version, or when the pair is the last one.
func NextPair(pairs []JoinPair, newest JoinPair) []JoinPair {
	if n := len(pairs); newest.A == 0 || newest.B == 0 || n > 0 && pairs[n-1] == newest {
		return pairs
	}
	return append(pairs, newest)
}

// joinCohort is how much news a set of the product needs: p·k of the family where
// that is more. The measure's component counts the products of its measures with
// all of the other dataset's (RELEASE.md section 5.2).
func joinCohort(a, b JoinSide) int { return max(a.cohort(b), b.cohort(a)) }

func (a JoinSide) cohort(b JoinSide) int {
	r, m, other := a.Family.relations, a.Family.member(a.Dataset), b.Family.member(b.Dataset)
	at := r.index[columnRef{dataset: a.Dataset, column: Column{Measure: a.Measure}}]
	products := 0
	for _, name := range m.dataset.Measures {
		i := r.index[columnRef{dataset: a.Dataset, column: Column{Measure: name}}]
		if root(r.connected, i) != root(r.connected, at) {
			continue
		}
		products += len(other.dataset.Measures)
		if slices.Contains(m.dataset.Joins, b.Dataset) {
			products-- // the component has counted one
		}
	}
	size, _ := r.component(at)
	return a.Family.rule.momentCohort(a.Family.k, size+products)
}

// NewestPair is the newest of a settled sequence of pairs whose cells may be summed, of
// those with version a of the one side and b of the other; 0: any. It is zero when there
// is none. live nil: all may be.
func NewestPair(pairs []JoinPair, a, b int, live func(JoinPair) bool) JoinPair {
	for _, p := range slices.Backward(pairs) {
		if (a == 0 || p.A == a) && (b == 0 || p.B == b) && (live == nil || live(p)) {
			return p
		}
	}
	return JoinPair{}
}

// UnsettledError says that a join is asked as of a pair of versions that were never the
// newest of both at a time.
type UnsettledError struct{ AsOf JoinPair }

func (e *UnsettledError) Error() string {
	return fmt.Sprintf("the versions %d, %d are no settled pair", e.AsOf.A, e.AsOf.B)
}

// PairsError says that a sequence of pairs goes backwards: it is not the settled
// one of a ledger, in which versions only grow.
type PairsError struct{ Before, After JoinPair }

func (e *PairsError) Error() string {
	return fmt.Sprintf("the pair of versions %d, %d comes after %d, %d", e.After.A, e.After.B, e.Before.A, e.Before.B)
}

// JoinSets decides, for periods of the policy's grain, over which sets the
// product of two publishers' measures may be summed as of a pair of versions
// (RELEASE.md section 5.3): period → sets, by their first entity. Policy and data have
// the same grain on both sides. Without a settled pair there are none.
//
// The sets of a pair are the finest unions of classes of both families, each a
// unit by itself in its family's plain sum there or chosen as such, in which
// exactly the same entities have both measures and p·k have news: in the version
// of a factor that the pair before did not have. As of a pair its own sets are taken first,
// then those of the pair before that do not overlap them, and so on, each of the
// cells of its own pair. Those of pairs that are not live are passed over.
//
// It returns a *Conflict for measures that are not joined, a *PairsError and an
// *UnsettledError for pairs that are none of a ledger's.
func JoinSets(a, b JoinSide, g JoinGrid) ([][]JoinSet, error) {
	for _, side := range []JoinSide{a, b} {
		if c := side.joinable(); c != nil {
			return nil, c
		}
	}
	for i := 1; i < len(g.Pairs); i++ {
		if x, y := g.Pairs[i-1], g.Pairs[i]; y.A < x.A || y.B < x.B {
			return nil, &PairsError{x, y}
		}
	}
	pairs := g.Pairs
	if g.AsOf != (JoinPair{}) {
		if pairs = a.Family.rule.pairsUpTo(g.Pairs, g.AsOf); len(pairs) == 0 {
			return nil, &UnsettledError{g.AsOf}
		}
	}
	unions, cohort := commonUnions(a.Family.tree, b.Family.tree), joinCohort(a, b)
	out := make([][]JoinSet, len(g.Periods))
	for i, period := range g.Periods {
		j := &joining{a: a, b: b, period: period, cohort: cohort, unions: unions}
		var settled []settledPair
		before := JoinPair{}
		for _, pair := range pairs {
			settled = append(settled, j.settle(before, pair))
			before = pair
		}
		out[i] = newestSets(settled, g.Live)
		for n := range out[i] {
			out[i][n].Pair = a.Family.rule.joinCells(out[i][n].Pair, pairs[len(pairs)-1])
		}
	}
	return out, nil
}

// joinable refuses a side whose measure is not joined.
func (a JoinSide) joinable() error {
	m := a.Family.member(a.Dataset)
	if m == nil || !slices.Contains(m.dataset.Measures, a.Measure) {
		return &Conflict{Code: ConflictUnknown, Dataset: a.Dataset, Column: Column{Measure: a.Measure}}
	}
	if m.dataset.Grain != m.dataset.PolicyGrain {
		return &Conflict{Code: ConflictGrain, Dataset: a.Dataset, Column: Column{Measure: a.Measure}}
	}
	if first := a.firstAlike(m); first != a.Measure {
		return &Conflict{
			Code: ConflictJoined, Dataset: a.Dataset, Column: Column{Measure: a.Measure},
			Other: a.Dataset, OtherColumn: Column{Measure: first},
		}
	}
	return nil
}

// firstAlike is the dataset's first measure that is related to the side's, of all
// that were ever declared. Only that one is joined: with two, x of version 1 beside x_kg of version 2, each
// times y of two versions, are four products that add up to (change of x) ·
// (change of y) over those who have both, which may be one entity. Admit keeps a
// second dataset with a related measure from having joins.
func (a JoinSide) firstAlike(m *member) string {
	for _, d := range m.declared {
		for _, name := range d.Measures {
			if a.Family.Related(a.Dataset, Column{Measure: name}, a.Dataset, Column{Measure: a.Measure}) {
				return name
			}
		}
	}
	return a.Measure
}

// settledPair is what one pair of versions settled in a period.
type settledPair struct {
	pair JoinPair
	sets []JoinSet
	news Bits // entities with both measures and news in either
}

// newestSets takes the sets of the last pair, then older ones that overlap
// nothing taken, of pairs that are live.
func newestSets(settled []settledPair, live func(JoinPair) bool) []JoinSet {
	var out []JoinSet
	var taken, later Bits
	for _, s := range slices.Backward(settled) {
		if live == nil || live(s.pair) {
			for _, set := range s.sets {
				if taken.CountIn(set.Members) > 0 {
					continue
				}
				set.HeldBack = later.pick(set.Members)
				out = append(out, set)
				for _, e := range set.Members {
					taken = taken.Set(int(e))
				}
			}
		}
		later = later.or(s.news)
	}
	slices.SortFunc(out, func(x, y JoinSet) int { return int(x.Members[0] - y.Members[0]) })
	return out
}

// joining is one period of a join while its pairs settle.
type joining struct {
	a, b   JoinSide
	period int64
	cohort int
	unions []JoinSet
}

// settle finds the sets of one pair, which comes after another, that have enough news.
func (j *joining) settle(before, pair JoinPair) settledPair {
	out := settledPair{pair: pair}
	sourceA, sourceB := j.a.source(pair.A, j.period), j.b.source(pair.B, j.period)
	if sourceA == nil || sourceB == nil {
		return out
	}
	presentA, _ := j.a.Cells.Cells(pair.A, j.a.Measure, j.period)
	presentB, _ := j.b.Cells.Cells(pair.B, j.b.Measure, j.period)
	rule := j.a.Family.rule
	out.news = rule.pair(j.news(before, pair), presentA.And(presentB))
	for _, set := range j.unions {
		if !allAlone(sourceA, set.ClassesA) || !allAlone(sourceB, set.ClassesB) || !rule.samePeople(presentA.same(presentB, set.Members)) {
			continue
		}
		if rule.enough(out.news.CountIn(set.Members), j.cohort) {
			set.Pair = pair
			out.sets = append(out.sets, set)
		}
	}
	return out
}

// news are those with news in a factor's source that the pair before did not have. Any
// other pair of readings may be one that was seen: who takes back a correction while the
// other publisher has no reading has the product of before.
func (j *joining) news(before, pair JoinPair) Bits {
	var out Bits
	if pair.A != before.A {
		out = out.or(j.a.source(pair.A, j.period).news)
	}
	if pair.B != before.B {
		out = out.or(j.b.source(pair.B, j.period).news)
	}
	return out
}

// allAlone reports whether each of the classes is a unit by itself, or chosen as
// such.
func allAlone(s *Source, classes []int32) bool {
	return !slices.ContainsFunc(classes, func(c int32) bool { return !s.Alone(c) && s.Chosen(c) == 0 })
}

func (a JoinSide) source(version int, period int64) *Source {
	s := a.Family.member(a.Dataset).version(version)
	if s == nil {
		return nil
	}
	return s.Source(Column{Measure: a.Measure}, period)
}

// commonUnions are the finest sets that are unions of classes of both trees,
// without an entity of either pool. Later classes do not change those of earlier
// ones: they are of the pool, and whatever touches the pool is no union.
func commonUnions(a, b *Tree) []JoinSet {
	n := a.Classes()
	parent := make([]int, n+b.Classes()) // A's classes, then B's
	for i := range parent {
		parent[i] = i
	}
	pooled := make([]bool, len(parent))
	for e := range max(a.Entities(), b.Entities()) {
		x, y := a.Class(e), b.Class(e)
		switch {
		case x >= 0 && y >= 0:
			join(parent, int(x), n+int(y))
		case x >= 0:
			pooled[x] = true
		case y >= 0:
			pooled[n+int(y)] = true
		}
	}
	sets := make([]JoinSet, len(parent))
	broken := make([]bool, len(parent))
	for i := range parent {
		r := root(parent, i)
		broken[r] = broken[r] || pooled[i]
		if i < n {
			sets[r].ClassesA = append(sets[r].ClassesA, int32(i))
			sets[r].Members = append(sets[r].Members, a.Members(int32(i))...)
		} else {
			sets[r].ClassesB = append(sets[r].ClassesB, int32(i-n))
		}
	}
	var out []JoinSet
	for r, set := range sets {
		if len(set.Members) > 0 && !broken[r] {
			slices.Sort(set.Members)
			out = append(out, set)
		}
	}
	return out
}
