package judge

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/disclosure"
)

// A product of two publishers' measures is summed over the sets that the release rule
// gives as of a settled pair of versions (RELEASE.md section 5.3), each of the cells of its own
// pair. A set of an older pair is read from the newest one where both sides say that its
// cells are equal there, and else from its own: each pair that is read is a layer.

// joining is a join of protected datasets that is judged.
type joining struct {
	*evaluation
	sides   [2]disclosure.JoinSide // of a column
	asOf    disclosure.JoinPair
	parts   map[int32]int // first entity of a set → part; looked up only
	members [][]int32     // part → entities
	layers  []*joinLayer
	taken   []bool            // group of the grid
	missed  []disclosure.Bits // period group → entities that are not taken somewhere where they count
	held    []disclosure.Bits // period group → entities of which something later is held back
	counted []disclosure.Bits // period group → entities that count in both
	best    int               // most entities that have both in a period and group
}

// joinLayer is what is read from one pair of versions.
type joinLayer struct {
	pair    disclosure.JoinPair
	takenIn [][][]takenPeriod // column, part → where it is taken, ascending
}

// takenPeriod is a period of the policy's grain and its period group.
type takenPeriod struct {
	period int64
	group  int
}

// protectJoined takes the sets that lie whole in a group.
func (v *evaluation) protectJoined() error {
	if r := checkWork(v.steps()); r != nil {
		return r
	}
	periods := v.policyPeriods()
	j := &joining{
		evaluation: v, asOf: disclosure.JoinPair{A: v.version.Version, B: v.join.version.Version}, parts: map[int32]int{}, taken: make([]bool, v.grid),
		missed: make([]disclosure.Bits, len(periods)), held: make([]disclosure.Bits, len(periods)), counted: make([]disclosure.Bits, len(periods)),
	}
	for c, column := range v.verdict.Columns {
		j.sides = [2]disclosure.JoinSide{
			{Family: v.rule.family, Dataset: v.descriptor.Dataset, Measure: column.Measure, Cells: v.rule.cells},
			{Family: v.join.rule.family, Dataset: v.join.dataset.ID, Measure: catalog.OwnMeasure(column.Times), Cells: v.join.rule.cells},
		}
		sets, err := disclosure.JoinSets(j.sides[0], j.sides[1], disclosure.JoinGrid{
			Periods: slices.Concat(periods...), Pairs: v.join.pairs, AsOf: j.asOf, Live: v.livePair,
		})
		if fault := cmp.Or(v.rule.cells.Fault(), v.join.rule.cells.Fault()); fault != nil {
			return fault
		}
		if err != nil {
			return RefuseConflict(err)
		}
		j.column(c, periods, sets)
	}
	return j.settle()
}

// livePair reports whether the cells of both versions of a pair may be summed.
func (v *evaluation) livePair(p disclosure.JoinPair) bool {
	return v.rule.cells.Live(p.A) && v.join.rule.cells.Live(p.B)
}

// column notes what is taken of one product.
func (j *joining) column(c int, periods [][]int64, sets [][]disclosure.JoinSet) {
	n := 0
	for at, list := range periods {
		for _, period := range list {
			taken := j.take(c, takenPeriod{period, at}, sets[n])
			j.cover(at, j.both(period), taken)
			n++
		}
	}
}

// take notes the sets of one period that lie whole in a group, and returns their entities.
func (j *joining) take(c int, in takenPeriod, sets []disclosure.JoinSet) disclosure.Bits {
	var taken disclosure.Bits
	for _, set := range sets {
		group := j.groupOf(set.Members)
		if group < 0 {
			continue
		}
		pair := j.asOf
		if !j.readable(set, in.period) {
			pair = set.Pair
			for _, e := range set.HeldBack {
				j.held[in.group] = j.held[in.group].Set(int(e))
			}
		}
		j.layer(pair).take(c, j.part(set), in)
		j.taken[group*len(j.verdict.PeriodGroups)+in.group] = true
		for _, e := range set.Members {
			taken = taken.Set(int(e))
		}
	}
	return taken
}

// cover notes of the entities that count in both in a period who is not taken.
func (j *joining) cover(at int, both, taken disclosure.Bits) {
	inGroup := make([]int, len(j.verdict.EntityGroups))
	for e, g := range j.assign {
		if !both.Has(e) || g < 0 {
			continue
		}
		inGroup[g]++
		j.counted[at] = j.counted[at].Set(e)
		if !taken.Has(e) {
			j.missed[at] = j.missed[at].Set(e)
		}
	}
	j.best = max(j.best, slices.Max(inGroup))
}

// layer is what is read from a pair.
func (j *joining) layer(pair disclosure.JoinPair) *joinLayer {
	for _, l := range j.layers {
		if l.pair == pair {
			return l
		}
	}
	l := &joinLayer{pair: pair, takenIn: make([][][]takenPeriod, len(j.verdict.Columns))}
	j.layers = append(j.layers, l)
	return l
}

// take notes that a column takes a part in a period.
func (l *joinLayer) take(column, part int, in takenPeriod) {
	for len(l.takenIn[column]) <= part {
		l.takenIn[column] = append(l.takenIn[column], nil)
	}
	l.takenIn[column][part] = append(l.takenIn[column][part], in)
}

// of is where a column takes a part.
func (l *joinLayer) of(column, part int) []takenPeriod {
	if part < len(l.takenIn[column]) {
		return l.takenIn[column][part]
	}
	return nil
}

// both are the entities that count in both measures as of the pair.
func (j *joining) both(period int64) disclosure.Bits {
	_, a := j.sides[0].Cells.Cells(j.asOf.A, j.sides[0].Measure, period)
	_, b := j.sides[1].Cells.Cells(j.asOf.B, j.sides[1].Measure, period)
	return a.And(b)
}

// groupOf is the group in which all the members are, −1 when there is none.
func (j *joining) groupOf(members []int32) int {
	group := int32(-2)
	for _, e := range members {
		g := int32(-1)
		if int(e) < len(j.assign) {
			g = j.assign[e]
		}
		if group == -2 {
			group = g
		}
		if g != group {
			return -1
		}
	}
	return max(int(group), -1)
}

// readable reports whether the cells of the pair as of which is answered equal those of a
// set's own: it is the set's pair, or its versions were chosen there for all of its classes.
func (j *joining) readable(set disclosure.JoinSet, period int64) bool {
	return equals(j.sides[0], set.Pair.A, j.asOf.A, set.ClassesA, period) && equals(j.sides[1], set.Pair.B, j.asOf.B, set.ClassesB, period)
}

// equals reports whether all the classes' cells of a version equal those of an older one.
func equals(s disclosure.JoinSide, older, version int, classes []int32, period int64) bool {
	if older == version {
		return true
	}
	for _, v := range s.Family.Versions(s.Dataset) {
		source := v.Source(disclosure.Column{Measure: s.Measure}, period)
		if v.Version == version {
			return source != nil && !slices.ContainsFunc(classes, func(c int32) bool { return source.Chosen(c) != older })
		}
	}
	return false
}

// part is the number of a set. Sets are unions of classes of both families that are the
// same in all periods, so the first entity tells them apart.
func (j *joining) part(set disclosure.JoinSet) int {
	part, known := j.parts[set.Members[0]]
	if !known {
		part = len(j.members)
		j.parts[set.Members[0]] = part
		j.members = append(j.members, set.Members)
	}
	return part
}

// settle writes what is taken into the verdict.
func (j *joining) settle() error {
	width := len(j.verdict.PeriodGroups)
	j.verdict.Coverage = make([]catalog.Coverage, j.grid)
	for at := range width {
		for e, g := range j.assign {
			if g < 0 || !j.counted[at].Has(e) {
				continue
			}
			c := &j.verdict.Coverage[int(g)*width+at]
			c.Of++
			if j.missed[at].Has(e) {
				continue
			}
			if c.Included++; j.held[at].Has(e) {
				c.HeldBack++
			}
		}
	}
	j.withhold(j.taken)
	if len(j.verdict.Withheld) == j.grid {
		return j.nothingJoint(j.best)
	}
	if r := j.incomplete(); r != nil && j.request.Complete {
		return r
	}
	j.layOut()
	return nil
}

// layOut makes the parts, which all layers have in common, and a layer for each pair from
// which something is released.
func (j *joining) layOut() {
	slices.SortFunc(j.layers, func(x, y *joinLayer) int {
		return cmp.Or(cmp.Compare(x.pair.A, y.pair.A), cmp.Compare(x.pair.B, y.pair.B))
	})
	used := make([]disclosure.Bits, len(j.layers)) // layer → parts
	var all disclosure.Bits
	entities := 0
	for i, l := range j.layers {
		if used[i] = j.released(l); used[i].Count() > 0 {
			entities = max(entities, j.rule.cells.Version(l.pair.A).Entities)
		}
		for part := range j.members {
			if used[i].Has(part) {
				all = all.Set(part)
			}
		}
	}
	order := j.number(all, entities)
	for i, l := range j.layers {
		if used[i].Count() > 0 {
			j.verdict.Layers = append(j.verdict.Layers, j.verdictLayer(l, used[i], order))
		}
	}
}

// number gives the verdict the parts that any layer releases, in the order of their groups
// and first entities, and returns which they are.
func (j *joining) number(parts disclosure.Bits, entities int) (order []int) {
	group := func(part int) int32 { return j.assign[j.members[part][0]] }
	for part := range j.members {
		if parts.Has(part) {
			order = append(order, part)
		}
	}
	slices.SortFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(group(x), group(y)), cmp.Compare(j.members[x][0], j.members[y][0]))
	})
	assign := slices.Repeat([]int32{-1}, entities)
	for i, part := range order {
		j.verdict.Parts = append(j.verdict.Parts, catalog.Part{Group: int(group(part)), Class: int(j.members[part][0])})
		for _, e := range j.members[part] {
			assign[e] = int32(i) //nolint:gosec // at most MaxRegistryRows
		}
	}
	j.verdict.Assign = assignment.Pack(assign)
	return order
}

// released are the parts of which a layer gives something to a group that is not withheld.
func (j *joining) released(l *joinLayer) (parts disclosure.Bits) {
	withheld := j.withheld()
	for part := range j.members {
		group := int(j.assign[j.members[part][0]])
		gives := func(in takenPeriod) bool { return !withheld[group*len(j.verdict.PeriodGroups)+in.group] }
		for c := range j.verdict.Columns {
			if slices.ContainsFunc(l.of(c, part), gives) {
				parts = parts.Set(part)
				break
			}
		}
	}
	return parts
}

// verdictLayer is a layer as the verdict has it, of the parts that are used.
func (j *joining) verdictLayer(l *joinLayer, used disclosure.Bits, order []int) catalog.Layer {
	out := catalog.Layer{Version: l.pair.A, Entities: j.rule.cells.Version(l.pair.A).Entities}
	if l.pair.B != j.asOf.B {
		out.Joined = l.pair.B
	}
	absent := make([]byte, (len(order)+7)/8)
	for i, part := range order {
		if !used.Has(part) {
			absent[i/8] |= 1 << (i % 8)
		}
	}
	out.Absent = bytes.TrimRight(absent, "\x00")
	every := slices.Concat(j.policyPeriods()...)
	for c := range j.verdict.Columns {
		for i, part := range order {
			if !used.Has(part) {
				continue
			}
			if x := j.leftOut(c, i, every, l.of(c, part)); len(x.Intervals) > 0 {
				out.Exclusions = append(out.Exclusions, x)
			}
		}
	}
	return out
}

// leftOut are the periods of all in which a part is not taken.
func (j *joining) leftOut(column, part int, all []int64, taken []takenPeriod) catalog.Exclusion {
	x := catalog.Exclusion{Column: column, Part: part}
	for _, p := range all {
		if _, found := slices.BinarySearchFunc(taken, p, func(t takenPeriod, p int64) int { return cmp.Compare(t.period, p) }); found {
			continue
		}
		x.Intervals = appendSpan(x.Intervals, j.descriptor.Policy.Grain.Span(p, j.descriptor.Grain))
	}
	return x
}

// nothingJoint refuses a join of which nothing is left.
func (v *evaluation) nothingJoint(best int) *catalog.Refusal {
	if v.trial {
		return catalog.Refuse(catalog.RefusedPolicy, "joint", "cohort.trial")
	}
	k := max(v.descriptor.Policy.MinCohort, v.join.dataset.Descriptor.Policy.MinCohort)
	r := catalog.Refuse(catalog.RefusedPolicy, "joint", "joint.nothing",
		v.descriptor.Dataset, v.join.dataset.ID, k).
		WithNumber("entities", int64(best)).WithNumber("min_cohort", int64(k))
	if c, found := (advisor{v}).smallest(append((advisor{v}).widerGroups(), (advisor{v}).partly()), v.steps()); found {
		r = r.WithFixes(c.fix())
	}
	return r.WithField("select")
}
