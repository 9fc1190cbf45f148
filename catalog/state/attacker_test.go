package state

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
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
func rankOf(m [][]uint64) int {
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
	all := rankOf(matrixOf(atoms, func(atom) bool { return false }))
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
			if rankOf(matrixOf(atoms, inside)) < all {
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
	return rankOf(dense(a.rows)) == rankOf(dense(append(slices.Clone(a.rows), want)))
}

func (a *attacker) learn(t statetest.T, p *panelOf, v catalog.Verdict) {
	for c, column := range v.Columns {
		figures := map[catalog.GroupIndex]map[int]int64{}
		for _, layer := range v.Layers {
			a.learnLayer(t, p, v, layer, c, column, figures)
		}
		for i := range v.EntityGroups {
			for j := range v.PeriodGroups {
				if f := figures[catalog.GroupIndex{Entity: i, Period: j}]; f != nil {
					a.rows = append(a.rows, f)
				}
			}
		}
	}
}

func (a *attacker) learnLayer(t statetest.T, p *panelOf, v catalog.Verdict, layer catalog.Layer, c int, column catalog.Column, figures map[catalog.GroupIndex]map[int]int64) {
	version := p.versions[layer.Version-1]
	assign := layer.Assigned(must[[]int32](t)(v.Assigned()))
	m := slices.Index(p.d.MeasureNames(), column.Measure)
	for e := range assign {
		for at := version.first; at < version.first+int64(version.periods); at++ {
			state := version.has(m, at, e)
			for _, other := range column.Measures()[1:] {
				factor := version.has(slices.Index(p.d.MeasureNames(), other), at, e)
				switch {
				case state == 0 || factor == 0:
					state = 0
				case column.Times != "": // a product is another number when either of its factors is
					state = state<<16 + factor
				}
				// With another measure it is the reading itself, whatever the other one's is.
			}
			g, counts := countedIn(v, layer, assign, c, e, at)
			if state == 0 || !counts {
				continue
			}
			if figures[g] == nil {
				figures[g] = map[int]int64{}
			}
			span := p.d.Grain.Span(at, p.finest)
			for f := span.From; f < span.To; f++ {
				figures[g][a.unknown(reading{p.what[m] + column.Times, e, f, state})]++
			}
		}
	}
}

// countedIn is the group in which a verdict counts a cell of a layer's version.
func countedIn(v catalog.Verdict, l catalog.Layer, assign []int32, column, e int, at int64) (g catalog.GroupIndex, counts bool) {
	holds := func(list []calendar.Interval) bool {
		return slices.ContainsFunc(list, func(i calendar.Interval) bool { return i.From <= at && at < i.To })
	}
	if assign[e] < 0 {
		return g, false
	}
	g.Entity = v.Parts[assign[e]].Group
	if g.Period = slices.IndexFunc(v.PeriodGroups, func(p catalog.PeriodGroup) bool { return holds(p.Intervals) }); g.Period < 0 || slices.Contains(v.Withheld, g) {
		return g, false
	}
	counts = true
	for _, x := range l.Exclusions {
		x.Each(len(v.Columns), len(v.Parts), func(c, part int) {
			counts = counts && (c != column || part != int(assign[e]) || !holds(x.Intervals))
		})
	}
	return g, counts
}

// TestAReadingIsTheSameWhateverAnotherMeasureSays: where so2 is corrected and nox is not, nox where so2 has a
// reading is the number that it was, and no figure of its difference says anything. Their product is another one.
func TestAReadingIsTheSameWhateverAnotherMeasureSays(t *testing.T) {
	p := monthlyPanel("m")
	p.d.Policy.Aggregates = []string{"count", "sum", "avg", "covar"}
	p.d.Policy.Moments = [][2]string{{"nox", "so2"}}
	h := newHistory(t, statetest.Rows(0, 20), p)
	first, a := statetest.Period("2024-01"), newAttacker()
	covar := sumOf("m", "nox", nil, nil)
	covar.Select = []catalog.Aggregate{{Func: catalog.FuncCovar, Measure: "nox", Other: "so2"}}
	for corrected := range 2 {
		h.publish("m", versionOf{20, 1, first, func(m int, _ int64, e int) int {
			return 1 + 6*b2i(corrected == 1 && m == 1 && e == 3)
		}})
		h.plainly(a, covar)
	}
	got := map[string]int{}
	for r := range a.unknowns {
		got[r.what]++
	}
	if want := map[string]int{"nox": 20, "so2": 21, "noxso2": 21}; !maps.Equal(got, want) {
		t.Errorf("numbers that the figures have: %v, want %v", got, want)
	}
}

// TestAVanishedReadingIsNotToldByACovariance: one enterprise loses its reading of nox for a month. The version
// repeats so2, and its so2 over the cells that have both lacks that enterprise's: beside the sum that was
// released before, that is its reading.
func TestAVanishedReadingIsNotToldByACovariance(t *testing.T) {
	p := monthlyPanel("m")
	p.d.Policy.Aggregates = []string{"count", "sum", "avg", "covar"}
	p.d.Policy.Moments = [][2]string{{"nox", "so2"}}
	h := newHistory(t, statetest.Rows(0, 60), p)
	covar := sumOf("m", "nox", nil, nil)
	covar.Select, covar.Partial = []catalog.Aggregate{{Func: catalog.FuncCovar, Measure: "nox", Other: "so2"}}, true
	for without := range 2 {
		h.publish("m", versionOf{60, 1, statetest.Period("2024-01"), func(m int, _ int64, e int) int { return b2i(without == 0 || m != 0 || e != 19) }})
		for _, measure := range []string{"nox", "so2"} {
			h.ask("bank", sumOf("m", measure, nil, nil))
		}
		h.ask("bank", covar)
	}
	if h.accepted < 5 {
		t.Errorf("%d queries were answered", h.accepted)
	}
	if found := h.attacker.isolates(p.d.Policy.MinCohort); found != nil {
		t.Errorf("the entities %v are isolated", found)
	}
}
