package disclosure

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// fraction is a ratio of positive integers in lowest terms; den 0: it did not fit.
type fraction struct{ num, den int64 }

var one = fraction{1, 1}

func reduced(num, den int64) fraction {
	g := gcd(num, den)
	return fraction{num / g, den / g}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (x fraction) times(y fraction) fraction {
	if x.den == 0 || y.den == 0 {
		return fraction{}
	}
	a, b := reduced(x.num, y.den), reduced(y.num, x.den)
	const most = 1<<63 - 1
	if a.num > most/b.num || a.den > most/b.den {
		return fraction{}
	}
	return fraction{a.num * b.num, a.den * b.den}
}

func (x fraction) compare(y fraction) int {
	h1, l1 := bits.Mul64(uint64(x.num), uint64(y.den))
	h2, l2 := bits.Mul64(uint64(y.num), uint64(x.den))
	return cmp.Or(cmp.Compare(h1, h2), cmp.Compare(l1, l2))
}

// ratios lists the factors by which readings of column b are tried against those of
// column a, beyond their units: 1, and where these are not declared the commonest, and
// those by which units mostly differ.
func (f *finder) ratios(a, b int) []fraction {
	x, y := f.q.Columns[a], f.q.Columns[b]
	if a == b || x.Den > 0 && y.Den > 0 && !y.Factor {
		return []fraction{one}
	}
	pair := [2]int{a, b}
	if f.found == nil {
		f.found = map[[2]int][]fraction{}
	}
	if f.found[pair] == nil {
		f.found[pair] = f.findRatios(a, b)
	}
	return f.found[pair]
}

func (f *finder) findRatios(a, b int) []fraction {
	x, y := f.q.Columns[a], f.q.Columns[b]
	out := []fraction{one}
	if x.Measure != y.Measure && !y.Factor {
		out = append(out, units...)
	}
	if r := f.likeliest(a, b); !slices.Contains(out, r) {
		out = append(out, r)
	}
	return out
}

// units are the factors by which undeclared units mostly differ.
var units = []fraction{{1000, 1}, {1, 1000}, {1_000_000, 1}, {1, 1_000_000}}

// guesses lists what is tried for columns of which neither units nor common periods tell
// the factor.
func (f *finder) guesses() []fraction {
	f.guess = fraction{}
	for a, x := range f.q.Columns {
		for b, y := range f.q.Columns {
			if x.Measure != y.Measure && !x.Factor && !y.Factor && !f.parts(a, b) && f.likeliest(a, b) == f.guess {
				return append([]fraction{one}, units...)
			}
		}
	}
	return []fraction{one}
}

// likeliest is the factor that readings of column b most likely have against those of
// column a, beyond their units; a guess where nothing tells.
func (f *finder) likeliest(a, b int) fraction {
	x, y := f.q.Columns[a], f.q.Columns[b]
	if a == b || x.Den > 0 && y.Den > 0 && !y.Factor {
		return one
	}
	pair := [2]int{a, b}
	r, known := f.common[pair]
	if !known {
		r = f.inUnits(a, b)
		if f.common == nil {
			f.common = map[[2]int]fraction{}
		}
		f.common[pair] = r
	}
	if r.den == 0 {
		return f.guess
	}
	return r
}

// inUnits is the commonest ratio of columns in their units; den 0: there is none, or none
// of small terms.
func (f *finder) inUnits(a, b int) fraction {
	r, found := f.commonest(a, b)
	if !found {
		return fraction{}
	}
	// In units of the columns: a/b times what a unit of a is worth in units of b.
	ua, ub := f.unitOf(a), f.unitOf(b)
	r = r.times(ua).times(fraction{ub.den, ub.num})
	const most = 1 << 24
	if r.num > most || r.den > most {
		return fraction{}
	}
	return r
}

func (f *finder) unitOf(column int) fraction {
	return f.unit(slices.IndexFunc(f.slots, func(s slot) bool { return s.column == column }))
}

// commonest returns the ratio of readings of column a to those of column b in the same
// periods that the most entities have up to the rounding, if at least two and a
// twentieth of the sample have it: of all such the one with the smallest terms.
func (f *finder) commonest(a, b int) (fraction, bool) {
	type bound struct {
		at  fraction
		end bool
	}
	var bounds []bound
	for s, x := range f.slots {
		if x.column != a {
			continue
		}
		cover := f.slotsIn(x.period, b)
		if len(cover) == 0 {
			continue
		}
		for e := range f.sample() {
			lo, hi, ok := f.ratioOf(s, cover, e)
			if ok {
				bounds = append(bounds, bound{lo, false}, bound{hi, true})
			}
		}
	}
	slices.SortFunc(bounds, func(x, y bound) int {
		return cmp.Or(x.at.compare(y.at), cmp.Compare(b2i(x.end), b2i(y.end)))
	})
	var lo, hi fraction
	open, most := 0, 0
	for i, x := range bounds {
		if x.end {
			open--
			continue
		}
		if open++; open > most {
			most, lo = open, x.at
			end := i + slices.IndexFunc(bounds[i:], func(y bound) bool { return y.end })
			hi = bounds[end].at
		}
	}
	if most < 2 || 40*most < len(bounds) {
		return fraction{}, false
	}
	return simplest(lo, hi), true
}

// slotsIn lists the slots of a column in a period: the one of the period itself, or the
// finer ones.
func (f *finder) slotsIn(period calendar.Interval, column int) []int {
	var out []int
	for s, x := range f.slots {
		if x.column == column && period.From <= x.period.From && x.period.To <= period.To {
			out = append(out, s)
		}
	}
	return out
}

// ratioOf bounds the ratio of an entity's newest readings, each known up to half a unit
// of the last digit of its cells.
func (f *finder) ratioOf(first int, cover []int, e int) (lo, hi fraction, ok bool) {
	x := f.newest(first, e, f.q.Source.Manifest)
	var y reading
	for _, s := range cover {
		r := f.newest(s, e, f.q.Source.Manifest)
		if r.cells == 0 {
			return lo, hi, false
		}
		y.sum, y.cells = y.sum+r.sum, y.cells+r.cells
	}
	if x.sum < 0 {
		x.sum, y.sum = -x.sum, -y.sum
	}
	const most = 1 << 61
	cx, cy := int64(x.cells), int64(y.cells)
	if x.cells == 0 || x.sum > most || y.sum > most || 2*x.sum <= cx || 2*y.sum <= cy {
		return lo, hi, false
	}
	return reduced(2*x.sum-cx, 2*y.sum+cy), reduced(2*x.sum+cx, 2*y.sum-cy), true
}

// simplest is the fraction of smallest terms from lo to hi, both included.
func simplest(lo, hi fraction) fraction {
	whole := lo.num / lo.den
	if lo.den == 1 {
		return fraction{whole, 1}
	}
	if hi.num/hi.den > whole {
		return fraction{whole + 1, 1}
	}
	// Both have the same whole part: what is left lies between the inverse rests.
	r := simplest(reduced(hi.den, hi.num-whole*hi.den), reduced(lo.den, lo.num-whole*lo.den))
	return fraction{whole*r.num + r.den, r.num}
}

// wide is a signed integer of 128 bits.
type wide struct {
	hi int64
	lo uint64
}

// plus adds a·b.
func (w wide) plus(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if a < 0 {
		hi -= uint64(b)
	}
	if b < 0 {
		hi -= uint64(a)
	}
	return w.sum(wide{int64(hi), lo})
}

func (w wide) abs() wide {
	if w.hi >= 0 {
		return w
	}
	return wide{}.minus(w)
}

func (w wide) double() wide { return wide{w.hi<<1 | int64(w.lo>>63), w.lo << 1} }

func (w wide) minus(v wide) wide {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	return wide{w.hi - v.hi - int64(borrow), lo}
}

// sum adds.
func (w wide) sum(v wide) wide {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	return wide{w.hi + v.hi + int64(carry), lo}
}

func (w wide) compare(v wide) int { return cmp.Or(cmp.Compare(w.hi, v.hi), cmp.Compare(w.lo, v.lo)) }

func (w wide) less(v wide) bool { return w.compare(v) < 0 }
