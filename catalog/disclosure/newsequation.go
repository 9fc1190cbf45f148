package disclosure

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// sampled bounds the entities on which it is settled how exactly an equation holds.
const sampled = 1024

// maxWays bounds the ways in which a period is put together from finer ones.
const maxWays = 32

// weighted is a slot with what one unit of its last digit weighs in an equation.
type weighted struct {
	slot   int
	weight int64
}

// scaled is a slot whose readings count times a ratio, beside their unit.
type scaled struct {
	slot  int
	ratio fraction
}

// equation says that a reading is the sum of others: Σ weight·sum = 0, where each term
// is any one of several slots, which tell of the same quantity in the same period. The
// first term is the coarser reading or the total; its weights are negative, the others'
// are positive.
type equation struct {
	terms [][]weighted
	// mean: the first reading is the mean of the others' cells and not their sum.
	mean bool
	// whole: no part may be absent.
	whole bool
	// exact: it holds to the last digit where it holds at all; else up to the rounding.
	exact bool
}

func (q *equation) has(slot int) bool {
	return slices.ContainsFunc(q.terms, func(t []weighted) bool {
		return slices.ContainsFunc(t, func(w weighted) bool { return w.slot == slot })
	})
}

// findEquations finds the equations between slots that the question's columns and
// periods can have.
func (f *finder) findEquations() error {
	guesses := f.guesses()
	f.guess = one
	for first, s := range f.slots {
		if f.column(first).Factor {
			continue
		}
		if err := f.findPairs(first); err != nil {
			return err
		}
		done := slices.ContainsFunc(f.slots[:first], func(x slot) bool {
			return x.period == s.period && !f.q.Columns[x.column].Factor && f.q.Columns[x.column].Measure == f.column(first).Measure
		})
		if done {
			continue
		}
		for _, guess := range guesses {
			f.guess = guess
			if err := f.findSums(first); err != nil {
				return err
			}
		}
		f.guess = one
		for _, group := range f.q.Totals {
			if slices.Contains(group, s.column) {
				if err := f.findTotals(first, group); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *finder) column(s int) NewsColumn { return f.q.Columns[f.slots[s].column] }

// findPairs makes the equations that a slot is a multiple of another one in its period;
// the one asked about also of a factor.
func (f *finder) findPairs(first int) error {
	own := f.slots[first]
	for s, x := range f.slots {
		factor := f.column(s).Factor
		if s == first || x.period != own.period || factor && first != f.asked || !factor && s < first {
			continue
		}
		for _, r := range f.ratios(own.column, x.column) {
			if err := f.add([]scaled{{first, one}}, [][]scaled{{{s, r}}}, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// findSums makes the equations that the readings of a quantity in a period are the sum
// or the mean of finer ones, that one is another one which lacks some cells and finer
// readings of those, and that two corrections of it are the same.
func (f *finder) findSums(first int) error {
	own := f.slots[first]
	same := f.kin(own.column, own.period)
	if err := f.add(same, [][]scaled{same}, true); err != nil {
		return err
	}
	var seen []string
	for c, x := range f.q.Columns {
		if x.Factor || slices.Contains(seen, x.Measure) {
			continue
		}
		seen = append(seen, x.Measure)
		for _, way := range f.finerWays(c, own.period) {
			for _, r := range f.ratios(own.column, c) {
				if err := f.add(same, times(way, r), false); err != nil {
					return err
				}
				if err := f.findRests(same, times(way, r)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *finder) findRests(same []scaled, way [][]scaled) error {
	for i, x := range same {
		others := slices.Delete(slices.Clone(same), i, i+1)
		if len(others) == 0 || f.periods(x.slot) == 1 {
			continue
		}
		if err := f.add(others, append([][]scaled{{x}}, way...), false); err != nil {
			return err
		}
	}
	return nil
}

// times multiplies all ratios of a way.
func times(way [][]scaled, r fraction) [][]scaled {
	out := make([][]scaled, len(way))
	for i, slots := range way {
		for _, s := range slots {
			out[i] = append(out[i], scaled{s.slot, s.ratio.times(r)})
		}
	}
	return out
}

// kin lists the slots of a period that may tell of the same quantity as a column: those
// of the same measure, and of others that are no parts of one total with it.
func (f *finder) kin(column int, period calendar.Interval) []scaled {
	var out []scaled
	for s, x := range f.slots {
		y := f.q.Columns[x.column]
		if x.period != period || y.Factor {
			continue
		}
		if y.Measure == f.q.Columns[column].Measure {
			out = append(out, scaled{s, one})
			continue
		}
		if !f.parts(column, x.column) {
			out = append(out, scaled{s, f.likeliest(column, x.column)})
		}
	}
	return out
}

// parts reports whether two columns are parts of one total, or it and a part.
func (f *finder) parts(a, b int) bool {
	return slices.ContainsFunc(f.q.Totals, func(g []int) bool { return slices.Contains(g, a) && slices.Contains(g, b) })
}

// finerWays lists how a period is put together from finer readings of a column's
// quantity: of the widest periods inside, each of them or what lies in it in turn. What
// nobody has is left out. Each way is a list of terms.
func (f *finder) finerWays(column int, period calendar.Interval) [][][]scaled {
	inside := func(x, y calendar.Interval) bool { return x != y && y.From <= x.From && x.To <= y.To }
	var finer, children []calendar.Interval // children: the widest ones
	for _, x := range f.slots {
		if inside(x.period, period) && !slices.Contains(finer, x.period) && len(f.kin(column, x.period)) > 0 {
			finer = append(finer, x.period)
		}
	}
	for _, x := range finer {
		if !slices.ContainsFunc(finer, func(y calendar.Interval) bool { return inside(x, y) }) {
			children = append(children, x)
		}
	}
	if len(children) == 0 {
		return nil
	}
	out := [][][]scaled{nil}
	for _, child := range children {
		out = combine(out, append([][][]scaled{{f.kin(column, child)}}, f.finerWays(column, child)...))
	}
	return out
}

// combine lists the ways of a followed by those of b, at most maxWays.
func combine(a, b [][][]scaled) [][][]scaled {
	var out [][][]scaled
	for _, y := range b {
		for _, x := range a {
			if len(out) < maxWays {
				out = append(out, slices.Concat(x, y))
			}
		}
	}
	return out
}

// findTotals takes every set of a group's measures as parts of the quantity of a slot:
// who does not have them so is not concerned.
func (f *finder) findTotals(first int, group []int) error {
	const exhaustive = 7 // larger groups: only the sum of all others
	own := f.slots[first]
	seen := []string{f.column(first).Measure}
	var others [][][][]scaled
	for _, c := range group {
		if slices.Contains(seen, f.q.Columns[c].Measure) {
			continue
		}
		seen = append(seen, f.q.Columns[c].Measure)
		ways := f.finerWays(c, own.period)
		if same := f.kin(c, own.period); len(same) > 0 {
			ways = append([][][]scaled{{same}}, ways...)
		}
		if len(ways) > 0 {
			others = append(others, ways)
		}
	}
	for set := uint(1); set < 1<<len(others); set++ {
		if len(others) >= exhaustive && set != 1<<len(others)-1 {
			continue
		}
		ways := [][][]scaled{nil}
		for i, w := range others {
			if set>>i&1 == 1 {
				ways = combine(ways, w)
			}
		}
		for _, way := range ways {
			if err := f.add(f.kin(own.column, own.period), way, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// add makes the equations that a reading is the sum, or the mean, of others; whole: only
// the sum of all of them.
func (f *finder) add(first []scaled, parts [][]scaled, whole bool) error {
	all := append([][]scaled{first}, parts...)
	terms, ok := f.terms(all)
	if !ok && slices.ContainsFunc(all, func(t []scaled) bool { return slices.ContainsFunc(t, func(s scaled) bool { return s.ratio != one }) }) {
		return nil // a ratio that was guessed and is none
	}
	if !ok {
		return fmt.Errorf("units of %s and %s are too far apart to be compared", f.column(first[0].slot).Measure, f.column(parts[0][0].slot).Measure)
	}
	for _, mean := range []bool{false, true} {
		q := equation{terms: terms, mean: mean, whole: whole}
		exact, near, differ := f.tally(&q)
		if mean && (!differ || whole) {
			continue
		}
		q.exact = near > 0 && 20*exact >= 19*near
		f.equations = append(f.equations, q)
	}
	return nil
}

// terms gives slots their weights, as integers; it fails where these are too large. The
// first term's are negative.
func (f *finder) terms(all [][]scaled) ([][]weighted, bool) {
	const most = 1 << 43 // times a period's cells it is still an int64
	common := int64(1)
	for _, slots := range all {
		for _, s := range slots {
			w := f.unit(s.slot).times(s.ratio)
			if w.den == 0 || w.den/gcd(common, w.den) > most/common {
				return nil, false
			}
			common *= w.den / gcd(common, w.den)
		}
	}
	out := make([][]weighted, len(all))
	for i, slots := range all {
		for _, s := range slots {
			w := f.unit(s.slot).times(s.ratio)
			if w.num > most/(common/w.den) {
				return nil, false
			}
			weight := w.num * (common / w.den)
			if i == 0 {
				weight = -weight
			}
			out[i] = append(out[i], weighted{s.slot, weight})
		}
		// The most precise one comes first.
		slices.SortStableFunc(out[i], func(x, y weighted) int { return cmp.Compare(max(x.weight, -x.weight), max(y.weight, -y.weight)) })
	}
	return out, true
}

// unit is what one unit of a slot's last digit is worth.
func (f *finder) unit(s int) fraction {
	c := f.column(s)
	out := one
	if c.Den > 0 {
		out = reduced(c.Num, c.Den)
	}
	for range c.Decimals {
		out = out.times(fraction{1, 10})
	}
	return out
}

// tally counts in a sample for how many entities an equation holds with the newest
// readings, and whether a mean differs from a sum at all.
func (f *finder) tally(q *equation) (exact, near int, differ bool) {
	t := trial{at: make([]pick, len(q.terms)), chosen: make([]reading, len(q.terms))}
	for e := range f.sample() {
		for i, slots := range q.terms {
			t.chosen[i] = reading{}
			for alternative, w := range slots {
				if r := f.newest(w.slot, e, f.q.Source.Manifest); r.cells > 0 {
					t.at[i], t.chosen[i] = pick{alternative, 0}, r
				}
			}
		}
		x, n := q.holds(&t)
		exact, near = exact+b2i(x), near+b2i(n)
		a, b := (&equation{mean: true}).multipliers(t.chosen)
		differ = differ || a != b
	}
	return exact, near, differ
}

// sample yields at most about `sampled` entities, evenly.
func (f *finder) sample() func(yield func(int) bool) {
	n := len(f.q.Source.Sums)
	return func(yield func(int) bool) {
		for e := 0; e < n; e += 1 + n/sampled {
			if !yield(e) {
				return
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
