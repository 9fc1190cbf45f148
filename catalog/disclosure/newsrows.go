package disclosure

import "slices"

// Bounds on the choices of readings that an equation is tried with, per entity: while
// they are few, any part may also be absent; then only what the versions had is tried;
// then only what stood together at some manifest.
const (
	fewChoices = 64
	maxChoices = 4096
)

// leastCorrection is how large two equal corrections are, in units of the last digit, that
// are taken for the same: small ones are often equal by chance.
const leastCorrection = 100

// pick is one reading of a term: which of its slots, and which reading of that.
type pick struct{ alternative, reading int }

// absent is the choice of no reading of a term.
var absent = pick{-1, -1}

// trial is one choice of a reading for each term of an equation.
type trial struct {
	at                 []pick
	chosen             []reading // none where absent
	residual, rounding wide
}

// multipliers of the first term and of the others: 1, or for a mean the cells of the
// other side.
func (q *equation) multipliers(chosen []reading) (first, others int64) {
	if !q.mean {
		return 1, 1
	}
	for _, r := range chosen[1:] {
		first += int64(r.cells)
	}
	return first, int64(chosen[0].cells)
}

// weight of the i-th term's reading in a trial.
func (q *equation) weight(t *trial, i int) int64 {
	first, others := q.multipliers(t.chosen)
	w := q.terms[i][t.at[i].alternative].weight
	if i == 0 {
		return w * first
	}
	return w * others
}

// weigh computes Σ weight·sum, and twice what it may be off when every cell is right to
// half a unit of its last digit.
func (q *equation) weigh(t *trial) {
	t.residual, t.rounding = wide{}, wide{}
	for i, r := range t.chosen {
		if r.cells > 0 {
			w := q.weight(t, i)
			t.residual = t.residual.plus(w, r.sum)
			t.rounding = t.rounding.plus(max(w, -w), int64(r.cells))
		}
	}
}

// holds reports whether readings satisfy the equation to the last digit, and whether up
// to the rounding. Where the first reading or all others are missing it says nothing.
func (q *equation) holds(t *trial) (exact, near bool) {
	if t.chosen[0].cells == 0 || !slices.ContainsFunc(t.chosen[1:], func(r reading) bool { return r.cells > 0 }) {
		return false, false
	}
	q.weigh(t)
	sum := t.residual.abs()
	exact = sum == wide{}
	return exact, exact || !t.rounding.less(sum.double())
}

// options lists the choices of readings with which an equation is tried for an entity.
// partly: there are too many, and the first reading lacks cells, so that any of the
// others may be in it or not.
func (f *finder) options(q *equation, h *history) (out []trial, partly bool) {
	var few, all [][]pick // per term: what is tried
	for i, slots := range q.terms {
		at, gone := f.picks(h, slots)
		if i == 0 {
			for _, p := range at {
				partly = partly || int(h.slots[slots[p.alternative].slot][p.reading].cells) < f.periods(slots[p.alternative].slot)
			}
			few, all = append(few, at), append(all, at)
			continue
		}
		with := append(slices.Clone(at), absent)
		few = append(few, with)
		if gone && !q.whole || len(at) == 0 {
			at = with
		}
		all = append(all, at)
	}
	partly = partly && !q.whole
	switch {
	case !q.whole && choices(few) <= fewChoices, partly && choices(few) <= maxChoices:
		return q.product(h, few), false
	case choices(all) <= maxChoices:
		return q.product(h, all), partly
	}
	return f.manifests(q, h), partly
}

// picks lists the readings of a term that are distinct beyond the rounding, and whether
// some version had none. That two slots have the same reading is an equation of its own.
func (f *finder) picks(h *history, slots []weighted) (out []pick, gone bool) {
	for a, w := range slots {
		for i, r := range h.slots[w.slot] {
			if r.cells == 0 {
				gone = true
				continue
			}
			if !slices.ContainsFunc(out, func(p pick) bool {
				o := slots[p.alternative]
				s := h.slots[o.slot][p.reading]
				if o.slot == w.slot {
					return false
				}
				off := wide{}.plus(w.weight, r.sum).minus(wide{}.plus(o.weight, s.sum)).abs().double()
				if o.weight == w.weight {
					return off == wide{} && s.cells == r.cells
				}
				finer, coarser := min(max(o.weight, -o.weight), max(w.weight, -w.weight)), max(o.weight, -o.weight, w.weight, -w.weight)
				return !wide{}.plus(finer, int64(s.cells)).plus(coarser, int64(r.cells)).less(off)
			}) {
				out = append(out, pick{a, i})
			}
		}
	}
	return out, gone
}

// periods of the dataset in a slot.
func (f *finder) periods(s int) int { return f.source(f.slots[s].sources[0]).Periods }

// choices is how many there are, at most a little more than maxChoices.
func choices(options [][]pick) int {
	n := 1
	for _, x := range options {
		if n *= len(x); n > maxChoices {
			return n
		}
	}
	return n
}

// product lists every choice of options.
func (q *equation) product(h *history, options [][]pick) []trial {
	n := choices(options)
	out := make([]trial, 0, n)
	next := make([]int, len(options))
	for range n {
		at := make([]pick, len(options))
		for i, o := range options {
			at[i] = o[next[i]]
		}
		out = append(out, q.trial(h, at))
		for i, o := range options {
			if next[i]++; next[i] < len(o) {
				break
			}
			next[i] = 0
		}
	}
	return out
}

func (q *equation) trial(h *history, at []pick) trial {
	out := trial{at: at, chosen: make([]reading, len(at))}
	for i, p := range at {
		if p != absent {
			out.chosen[i] = h.slots[q.terms[i][p.alternative].slot][p.reading]
		}
	}
	q.weigh(&out)
	return out
}

// manifests lists each version of the first term with the others as each manifest left
// them.
func (f *finder) manifests(q *equation, h *history) []trial {
	var out []trial
	last := -1
	for i := range len(f.q.Earlier) + 1 {
		manifest := f.source(i).Manifest
		if manifest == last {
			continue
		}
		last = manifest
		others := make([]pick, len(q.terms))
		for i, slots := range q.terms[1:] {
			others[i+1] = absent
			for a, w := range slots {
				if r := f.newest(w.slot, h.entity, manifest); r.cells > 0 {
					others[i+1] = pick{a, slices.IndexFunc(h.slots[w.slot], func(y reading) bool { return y.sum == r.sum && y.cells == r.cells })}
				}
			}
		}
		firsts, _ := f.picks(h, q.terms[0])
		for _, p := range firsts {
			at := slices.Clone(others)
			at[0] = p
			out = append(out, q.trial(h, at))
		}
	}
	return out
}

// row is an equation between elements: Σ coefficient·element = 0.
type row []term

type term struct {
	element     int
	coefficient uint64
}

func (r row) at(element int) uint64 {
	for _, t := range r {
		if t.element == element {
			return t.coefficient
		}
	}
	return 0
}

// rows appends what an equation says of an entity's elements: for each choice of
// readings with which it holds, and for each two that leave the same rest, which is then
// something that was never published: when a total and a part are corrected by the same,
// one correction follows from the other.
func (q *equation) rows(h *history, options []trial, rows []row) []row {
	for i := range options {
		if exact, near := q.holds(&options[i]); exact || near && !q.exact {
			rows = append(rows, q.row(h, side{&options[i], 1}))
		}
	}
	if q.mean {
		return rows
	}
	slices.SortFunc(options, func(x, y trial) int { return x.residual.compare(y.residual) })
	for i := 1; i < len(options); i++ {
		x, y := &options[i-1], &options[i]
		if q.whole && x.residual.abs().less(wide{}.plus(leastCorrection, -q.terms[0][0].weight)) {
			continue
		}
		differ := y.residual.minus(x.residual).double()
		if differ == (wide{}) || !q.exact && !q.apart(x, y).less(differ) {
			rows = append(rows, q.row(h, side{x, 1}, side{y, -1}))
		}
	}
	if !q.whole && len(options) <= fewChoices {
		rows = q.threes(h, options, rows)
	}
	return rows
}

// apart is twice what the rests of two choices may differ by when every cell is right to
// half a unit of its last digit. A reading that both have cancels and rounds nothing.
func (q *equation) apart(x, y *trial) wide {
	out := x.rounding.sum(y.rounding)
	for i, p := range x.at {
		if p == y.at[i] && p != absent {
			w := q.weight(x, i)
			out = out.minus(wide{}.plus(2*max(w, -w), int64(x.chosen[i].cells)))
		}
	}
	return out
}

// threes appends what is said by rests of which one is the sum of two others: so a part
// that was never published is known from a total, and with it, from a later total, the
// correction of another part. The options are in the order of their rests.
func (q *equation) threes(h *history, options []trial, rows []row) []row {
	least := wide{}.plus(leastCorrection, -q.terms[0][0].weight)
	for i := range options {
		for j := range i + 1 {
			x, y := &options[j], &options[i]
			sum := x.residual.sum(y.residual)
			at, found := slices.BinarySearchFunc(options, sum, func(t trial, sum wide) int { return t.residual.compare(sum) })
			if found && !x.residual.abs().less(least) && !y.residual.abs().less(least) {
				rows = append(rows, q.row(h, side{x, 1}, side{y, 1}, side{&options[at], -1}))
			}
		}
	}
	return rows
}

// side is a trial with a sign.
type side struct {
	*trial
	sign int64
}

// row is the equation with one choice, or a combination of it with several.
func (q *equation) row(h *history, sides ...side) row {
	var out row
	for _, t := range sides {
		for i, p := range t.at {
			if p == absent {
				continue
			}
			element, coefficient := h.element(q.terms[i][p.alternative].slot, p.reading), field(t.sign*q.weight(t.trial, i))
			at := slices.IndexFunc(out, func(o term) bool { return o.element == element })
			if at < 0 {
				out = append(out, term{element, coefficient})
			} else {
				out[at].coefficient = addMod(out[at].coefficient, coefficient)
			}
		}
	}
	return out
}
