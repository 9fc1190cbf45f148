package catalog

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"
)

// attacker collects every figure that anybody was given of a family and derives
// from them what adding and subtracting gives, by exact elimination modulo a prime.
// An unknown is one reading: a cell of an entity in one of its states, for a cell
// that was corrected is another number. Readings that several measures, datasets
// or versions tell of are one unknown.
type attacker struct {
	unknowns map[reading]int
	entity   []int           // of each unknown
	rows     []map[int]int64 // figures: unknown → coefficient
}

// reading is one reading of something measured.
type reading struct {
	what   string
	entity int
	at     int64 // in the finest grain that anything tells it in
	state  int
}

func newAttacker() *attacker { return &attacker{unknowns: map[reading]int{}} }

func (a *attacker) unknown(r reading) int {
	i, known := a.unknowns[r]
	if !known {
		i = len(a.entity)
		a.unknowns[r] = i
		a.entity = append(a.entity, r.entity)
	}
	return i
}

const fieldPrime = 1<<61 - 1

func mulMod(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rem := bits.Div64(hi, lo, fieldPrime)
	return rem
}

func invMod(a uint64) uint64 {
	out, base := uint64(1), a
	for e := uint64(fieldPrime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			out = mulMod(out, base)
		}
		base = mulMod(base, base)
	}
	return out
}

func field(v int64) uint64 {
	if v < 0 {
		return fieldPrime - uint64(-v)
	}
	return uint64(v)
}

// rank eliminates.
func rank(m [][]uint64) int {
	m = slices.Clone(m)
	for i := range m {
		m[i] = slices.Clone(m[i])
	}
	r := 0
	if len(m) == 0 {
		return 0
	}
	for c := range m[0] {
		at := -1
		for i := r; i < len(m); i++ {
			if m[i][c] != 0 {
				at = i
				break
			}
		}
		if at < 0 {
			continue
		}
		m[r], m[at] = m[at], m[r]
		inv := invMod(m[r][c])
		for i := r + 1; i < len(m); i++ {
			if m[i][c] == 0 {
				continue
			}
			f := fieldPrime - mulMod(m[i][c], inv)
			for j := c; j < len(m[i]); j++ {
				m[i][j] = (m[i][j] + mulMod(f, m[r][j])) % fieldPrime
			}
		}
		r++
	}
	return r
}

// atom is the unknowns that every figure takes alike: no derivation tells them
// apart.
type atom struct {
	entities []int
	column   []uint64
}

func (a *attacker) atoms() []atom {
	columns := make([][]int64, len(a.entity))
	for u := range columns {
		columns[u] = make([]int64, len(a.rows))
	}
	for i, row := range a.rows {
		for u, c := range row {
			columns[u][i] = c
		}
	}
	index := map[string]int{}
	var out []atom
	for u, c := range columns {
		key := fmt.Sprint(c)
		i, known := index[key]
		if !known {
			i = len(out)
			index[key] = i
			column := make([]uint64, len(c))
			for j, v := range c {
				column[j] = field(v)
			}
			out = append(out, atom{column: column})
		}
		if e := a.entity[u]; !slices.Contains(out[i].entities, e) {
			out[i].entities = append(out[i].entities, e)
		}
	}
	return slices.DeleteFunc(out, func(x atom) bool { return !slices.ContainsFunc(x.column, func(v uint64) bool { return v != 0 }) })
}

// rows of the matrix figures × atoms without those that leave drops.
func matrixOf(atoms []atom, leave func(atom) bool) [][]uint64 {
	if len(atoms) == 0 {
		return nil
	}
	out := make([][]uint64, len(atoms[0].column))
	for _, x := range atoms {
		if leave(x) {
			continue
		}
		for i, v := range x.column {
			out[i] = append(out[i], v)
		}
	}
	return out
}

// isolates returns a set of fewer than k entities of which a combination of the
// figures says something, of nobody else; nil: there is none.
func (a *attacker) isolates(k int) []int {
	atoms := a.atoms()
	all := rank(matrixOf(atoms, func(atom) bool { return false }))
	var small [][]int
	for _, x := range atoms {
		if len(x.entities) < k {
			e := slices.Sorted(slices.Values(x.entities))
			if !slices.ContainsFunc(small, func(s []int) bool { return slices.Equal(s, e) }) {
				small = append(small, e)
			}
		}
	}
	slices.SortFunc(small, func(x, y []int) int { return len(x) - len(y) })
	tried := map[string]bool{}
	var try func(from int, set []int) []int
	try = func(from int, set []int) []int {
		for i := from; i < len(small); i++ {
			next := slices.Concat(set, small[i])
			slices.Sort(next)
			next = slices.Compact(next)
			key := fmt.Sprint(next)
			if len(next) >= k || tried[key] {
				continue
			}
			tried[key] = true
			inside := func(x atom) bool {
				return !slices.ContainsFunc(x.entities, func(e int) bool { return !slices.Contains(next, e) })
			}
			if rank(matrixOf(atoms, inside)) < all {
				return next
			}
			if found := try(i+1, next); found != nil {
				return found
			}
		}
		return nil
	}
	return try(0, nil)
}

// derives reports whether the sum of those readings, with those coefficients, is a
// combination of the figures.
func (a *attacker) derives(target map[reading]int64) bool {
	want := map[int]int64{}
	for r, c := range target {
		u, known := a.unknowns[r]
		if !known {
			return false
		}
		want[u] = c
	}
	dense := func(rows []map[int]int64) [][]uint64 {
		out := make([][]uint64, len(rows))
		for i, row := range rows {
			out[i] = make([]uint64, len(a.entity))
			for u, c := range row {
				out[i][u] = field(c)
			}
		}
		return out
	}
	return rank(dense(a.rows)) == rank(dense(append(slices.Clone(a.rows), want)))
}

// panelOf is a dataset whose readings the test knows.
type panelOf struct {
	d        Descriptor
	what     []string // of each measure: what it measures
	finest   Grain    // in which readings are told apart
	versions []versionOf
}

// versionOf is what a version holds: the state of each cell, 0 for a missing one.
type versionOf struct {
	entities, periods int
	first             int64
	state             func(measure int, period int64, entity int) int
}

// has is the state of a cell, 0 outside.
func (v versionOf) has(m int, p int64, e int) int {
	if e >= v.entities || p < v.first || p >= v.first+int64(v.periods) {
		return 0
	}
	return v.state(m, p, e)
}

// history is a family under attack.
type history struct {
	*world
	attacker *attacker
	panels   map[string]*panelOf
	accepted int
	granted  map[string]string // buyer/dataset → contract
	selected map[string][]bool // vector → entity: whom it selects
	failed   int               // cohort tests
}

// foundedWorld is a cluster with a publisher whose key is ready.
var foundedWorld = sync.OnceValue(func() *world { return newWorld(panicker{}, 2, 2).admit().key("bureau") })

// panicker is a tester where there is none yet.
type panicker struct{}

func (panicker) Helper()                           {}
func (panicker) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (panicker) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func newHistory(t tester, loose bool, rows [][]string, panels ...*panelOf) *history {
	t.Helper()
	base := foundedWorld()
	w := *base
	w.t, w.store, w.machine, w.log = t, base.store.Clone(), NewMachine(), nil
	w.machine.loose = loose
	w.registry("enterprises", rows, 5000)
	h := &history{world: &w, attacker: newAttacker(), panels: map[string]*panelOf{}, granted: map[string]string{}, selected: map[string][]bool{}}
	for _, p := range panels {
		w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: p.d})
		h.panels[p.d.Dataset] = p
	}
	return h
}

// publish makes a version live, with the counts, presences and sets that follow
// from its readings by their definitions.
func (h *history) publish(dataset string, v versionOf) {
	h.t.Helper()
	p := h.panels[dataset]
	p.versions = append(p.versions, v)
	propose := h.proposal(p.d, v.entities, v.periods, nil)
	propose.First = v.first
	all := policyPeriods(p.d, propose)
	n := int(all.To - all.From)
	cells := func(m, q, e int) (have, of int) {
		span := p.d.Policy.Grain.Span(all.From+int64(q), p.d.Grain)
		for c := max(span.From, v.first); c < min(span.To, v.first+int64(v.periods)); c++ {
			of++
			if v.has(m, c, e) != 0 {
				have++
			}
		}
		return have, of
	}
	counts := testCounts(len(p.d.Measures), n, v.entities, func(m, q, e int) bool { have, of := cells(m, q, e); return 2*have >= of && have > 0 })
	present := testCounts(len(p.d.Measures), n, v.entities, func(m, q, e int) bool { have, _ := cells(m, q, e); return have > 0 })
	if p.d.Grain == p.d.Policy.Grain {
		present = nil
	}
	propose.Counts = CountsDigest(v.entities, all.From, p.d.measureNames(), counts, present)
	propose.Compared = must[[]Comparison](h.t)(h.view().Kindred(dataset))
	var sets []CellSet
	for i, x := range propose.Compared {
		sets = append(sets, h.differing(p, v, i, x)...)
	}
	if len(propose.Compared) > 0 {
		propose.Sets = SetsDigest(sets)
	}
	number := h.ok("bureau", KindVersionPropose, propose).Version
	for i, name := range p.d.measureNames() {
		b := VersionCounts{Dataset: dataset, Version: number, Measure: name, From: all.From, Bitmaps: counts[i]}
		if present != nil {
			b.Present = present[i]
		}
		h.ok("bureau", KindVersionCounts, b)
	}
	if len(sets) > 0 {
		h.ok("bureau", KindVersionSets, VersionSets{Dataset: dataset, Version: number, Sets: sets})
	}
	h.ok("bureau", KindVersionCommit, VersionCommit{Dataset: dataset, Version: number})
	h.stored(dataset, number, 2)
	h.live(dataset, number)
}

// differing are the sets of a comparison, cell by cell.
func (h *history) differing(p *panelOf, v versionOf, number int, x Comparison) []CellSet {
	other, theirs := p, v
	if x.Release != 0 {
		other = h.panels[x.Dataset]
		theirs = other.versions[x.Release-1]
	}
	m, n := slices.Index(p.d.measureNames(), x.Measure), slices.Index(other.d.measureNames(), x.Other)
	fine, coarse := p.d.Grain, p.d.Policy.Grain
	if other.d.Grain.Finer(fine) {
		fine = other.d.Grain
	}
	if coarse.Finer(other.d.Policy.Grain) {
		coarse = other.d.Policy.Grain
	}
	values := other == p && m == n // of other measures only the presence is held against each other
	last := p.d.Grain.In(v.first+int64(v.periods)-1, coarse)
	var out []CellSet
	for q := p.d.Grain.In(v.first, coarse); q <= last; q++ {
		if from := other.d.Grain.In(theirs.first, coarse); q < from || q > other.d.Grain.In(theirs.first+int64(theirs.periods)-1, coarse) {
			continue
		}
		levels := slices.Repeat([]int32{-1}, max(v.entities, theirs.entities))
		span := coarse.Span(q, fine)
		for e := range levels {
			cells := 0
			for c := span.From; c < span.To; c++ {
				a, b := v.has(m, fine.In(c, p.d.Grain), e), theirs.has(n, fine.In(c, other.d.Grain), e)
				if (a != 0) != (b != 0) || values && a != b {
					cells++
				}
			}
			if cells > 0 {
				levels[e] = int32(bits.Len(uint(cells)) - 1) // ⌊log2 cells⌋
			}
		}
		if slices.Max(levels) >= 0 {
			out = append(out, CellSet{Comparison: number, Period: q, Levels: PackAssign(levels)})
		}
	}
	return out
}

// ask asks as somebody and hands the attacker what comes out. A refusal by policy
// says nothing.
func (h *history) ask(who string, q Request) *Verdict {
	h.t.Helper()
	contract := ""
	if who != "bureau" {
		if contract = h.granted[who+"/"+q.Dataset]; contract == "" {
			contract = h.contract(who, OrderCreate{Dataset: q.Dataset})
			h.granted[who+"/"+q.Dataset] = contract
		}
	}
	out := h.do(who, KindQuerySubmit, submit(contract, q))
	if r := out.Refusal; r != nil {
		if r.Kind != RefusedPolicy && r.Rule != "empty" {
			h.t.Fatalf("refused: %+v", r)
		}
		return nil
	}
	h.accepted++
	v := must[Verdict](h.t)(h.view().Verdict(out.ID))
	if q.In == "" {
		h.learn(v)
	} else if h.test(out.ID, v) {
		h.learn(v)
	}
	return &v
}

// learn adds the figures of a verdict, read by its documented meaning.
func (h *history) learn(v Verdict) {
	p := h.panels[v.Dataset]
	version := p.versions[v.Release-1]
	assign := must[[]int32](h.t)(UnpackAssign(v.Assign, v.Entities))
	for c, column := range v.Columns {
		if column.Count {
			continue // public, or the buyer's own
		}
		m := slices.Index(p.d.measureNames(), column.Measure)
		figures := map[GroupIndex]map[int]int64{}
		for e := range assign {
			for at := version.first; at < version.first+int64(version.periods); at++ {
				state := version.has(m, at, e)
				for _, other := range column.measures()[1:] {
					if version.has(slices.Index(p.d.measureNames(), other), at, e) == 0 {
						state = 0
					}
				}
				if v.In != "" && (!h.selected[v.In][e] || !h.counts(p, version, m, at, e)) {
					state = 0
				}
				if state == 0 || !counted(v, assign, c, e, at) {
					continue
				}
				j := slices.IndexFunc(v.PeriodGroups, func(g PeriodGroup) bool {
					return slices.ContainsFunc(g.Intervals, func(i Interval) bool { return i.From <= at && at < i.To })
				})
				g := GroupIndex{v.Parts[assign[e]].Group, j}
				if figures[g] == nil {
					figures[g] = map[int]int64{}
				}
				span := p.d.Grain.Span(at, p.finest)
				for f := span.From; f < span.To; f++ {
					figures[g][h.attacker.unknown(reading{p.what[m] + column.Times, e, f, state})]++
				}
			}
		}
		for i := range v.EntityGroups {
			for j := range v.PeriodGroups {
				if f := figures[GroupIndex{i, j}]; f != nil {
					h.attacker.rows = append(h.attacker.rows, f)
				}
			}
		}
	}
}

func ids(entities ...int) []string {
	var out []string
	for _, e := range entities {
		out = append(out, fmt.Sprintf("e%05d", e))
	}
	slices.Sort(out)
	return out
}

func in(column string, values ...string) *Predicate {
	return &Predicate{Op: opIn, Column: column, Values: values}
}

func not(p *Predicate) *Predicate { return &Predicate{Op: opNot, Args: []Predicate{*p}} }

func either(p ...*Predicate) *Predicate {
	out := &Predicate{Op: opOr}
	for _, x := range p {
		out.Args = append(out.Args, *x)
	}
	return out
}

// sumOf asks for sums of a measure.
func sumOf(dataset, measure string, where *Predicate, periods []Interval, by ...Dimension) Request {
	return Request{Version: 1, Dataset: dataset, Where: where, Periods: periods, By: by, Select: []Aggregate{{Func: "sum", Measure: measure}}}
}
