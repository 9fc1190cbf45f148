package sql

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// opposite of an operator under NOT.
var opposite = map[string]string{catalog.OpAnd: catalog.OpOr, catalog.OpOr: catalog.OpAnd, catalog.OpLt: catalog.OpGe, catalog.OpGe: catalog.OpLt, catalog.OpGt: catalog.OpLe, catalog.OpLe: catalog.OpGt}

// canonical brings a predicate to one form for one meaning, as far as that is
// cheap: NOT stands only above "in", nested ANDs and ORs are flat, the tests of
// one column in one AND or OR are merged, arguments are sorted and distinct.
// always and never report a predicate that is true, or false, of every entity.
func canonical(p catalog.Predicate) (out catalog.Predicate, always, never bool) {
	f := normal(p, false)
	switch {
	case f.truth != undecided:
		return catalog.Predicate{}, f.truth == alwaysTrue, f.truth == alwaysFalse
	case len(f.args) == 1:
		return f.args[0], false, false
	}
	return catalog.Predicate{Op: f.op, Args: f.args}, false, false
}

type truth int

const (
	undecided truth = iota
	alwaysTrue
	alwaysFalse
)

// formula is an AND or an OR of arguments, of which one alone has no operator.
type formula struct {
	truth truth
	op    string
	args  []catalog.Predicate
}

// normal is the canonical form of p, or of NOT p when negated.
func normal(p catalog.Predicate, negated bool) formula {
	op := p.Op
	switch op {
	case catalog.OpNot:
		return normal(p.Args[0], !negated)
	case catalog.OpAnd, catalog.OpOr:
		if negated {
			op = opposite[op]
		}
		return combine(op, p.Args, negated)
	}
	leaf := catalog.Predicate{Op: op, Column: p.Column, Values: sortedValues(p.Values)}
	if negated {
		leaf = negation(leaf)
	}
	return merge(catalog.OpAnd, []catalog.Predicate{leaf})
}

func sortedValues(values []string) []string {
	out := slices.Clone(values)
	slices.Sort(out)
	return slices.Compact(out)
}

// negation of a leaf.
func negation(leaf catalog.Predicate) catalog.Predicate {
	switch leaf.Op {
	case catalog.OpNot:
		return leaf.Args[0]
	case catalog.OpIn:
		return catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{leaf}}
	}
	leaf.Op = opposite[leaf.Op]
	return leaf
}

// constants are what leaves an AND or OR as it is, and what decides it.
func constants(op string) (neutral, absorbing truth) {
	if op == catalog.OpOr {
		return alwaysFalse, alwaysTrue
	}
	return alwaysTrue, alwaysFalse
}

// combine normalises the arguments of an AND or OR and merges them.
func combine(op string, args []catalog.Predicate, negated bool) formula {
	neutral, absorbing := constants(op)
	var flat []catalog.Predicate
	for _, a := range args {
		f := normal(a, negated)
		switch {
		case f.truth == absorbing:
			return f
		case f.truth == neutral:
		case len(f.args) == 1 && f.args[0].Op == op:
			flat = append(flat, f.args[0].Args...)
		case len(f.args) == 1 || f.op == op:
			flat = append(flat, f.args...)
		default:
			flat = append(flat, catalog.Predicate{Op: f.op, Args: f.args})
		}
	}
	if len(flat) == 0 {
		return formula{truth: neutral}
	}
	return merge(op, flat)
}

// merge joins the leaves of each column and sorts the arguments.
func merge(op string, args []catalog.Predicate) formula {
	neutral, absorbing := constants(op)
	var out []catalog.Predicate
	columns := map[string][]catalog.Predicate{}
	var order []string
	for _, a := range args {
		if a.Op == catalog.OpAnd || a.Op == catalog.OpOr {
			out = append(out, a)
			continue
		}
		if op == catalog.OpOr {
			a = negation(a)
		}
		name := leafColumn(a)
		if _, seen := columns[name]; !seen {
			order = append(order, name)
		}
		columns[name] = append(columns[name], a)
	}
	decided := 0
	for _, name := range order {
		leaves, never := both(name, columns[name])
		if never {
			return formula{truth: absorbing}
		}
		if len(leaves) == 0 {
			decided++ // true whatever the entity, as far as this column goes
		}
		for _, l := range leaves {
			if op == catalog.OpOr {
				l = negation(l)
			}
			out = append(out, l)
		}
	}
	slices.SortFunc(out, comparePredicates)
	out = slices.CompactFunc(out, func(a, b catalog.Predicate) bool { return comparePredicates(a, b) == 0 })
	if len(out) == 0 && decided > 0 {
		return formula{truth: neutral}
	}
	return formula{op: op, args: out}
}

// leafColumn is the column a leaf tests.
func leafColumn(p catalog.Predicate) string {
	if p.Op == catalog.OpNot {
		return p.Args[0].Column
	}
	return p.Column
}

// both is the conjunction of leaves on one column: an "in" alone, or a lower
// bound, an upper bound and excluded values. never: no value meets them.
func both(column string, leaves []catalog.Predicate) (out []catalog.Predicate, never bool) {
	var r columnRange
	for _, l := range leaves {
		r.add(l)
	}
	r.except = sortedValues(r.except)
	r.tighten()
	leaf := func(op string, values ...string) catalog.Predicate {
		return catalog.Predicate{Op: op, Column: column, Values: values}
	}
	if r.among != nil {
		values := slices.DeleteFunc(slices.Clone(*r.among), func(v string) bool { return !r.bounded(v) || r.excepted(v) })
		if len(values) == 0 {
			return nil, true
		}
		return []catalog.Predicate{leaf(catalog.OpIn, values...)}, false
	}
	if r.upper != nil && (r.lower != nil && r.lower.value >= r.upper.value || r.upper.strict && r.upper.value == "") {
		return nil, true
	}
	if r.lower != nil {
		out = append(out, leaf(map[bool]string{true: catalog.OpGt, false: catalog.OpGe}[r.lower.strict], r.lower.value))
	}
	if r.upper != nil {
		out = append(out, leaf(map[bool]string{true: catalog.OpLt, false: catalog.OpLe}[r.upper.strict], r.upper.value))
	}
	except := slices.DeleteFunc(r.except, func(v string) bool { return !r.bounded(v) })
	if len(except) > 0 {
		out = append(out, negation(leaf(catalog.OpIn, except...)))
	}
	return out, false
}

// bound is one end of a range of text.
type bound struct {
	value  string
	strict bool
}

// columnRange collects leaves that must all hold.
type columnRange struct {
	among        *[]string
	except       []string
	lower, upper *bound
}

func (r *columnRange) add(l catalog.Predicate) {
	switch l.Op {
	case catalog.OpIn:
		values := l.Values
		if r.among != nil {
			values = slices.DeleteFunc(slices.Clone(*r.among), func(v string) bool {
				_, found := slices.BinarySearch(l.Values, v)
				return !found
			})
		}
		r.among = &values
	case catalog.OpNot:
		r.except = append(r.except, l.Args[0].Values...)
	case catalog.OpGt, catalog.OpGe:
		b := bound{l.Values[0], l.Op == catalog.OpGt}
		if r.lower == nil || b.value > r.lower.value || b.value == r.lower.value && b.strict {
			r.lower = &b
		}
	case catalog.OpLt, catalog.OpLe:
		b := bound{l.Values[0], l.Op == catalog.OpLt}
		if r.upper == nil || b.value < r.upper.value || b.value == r.upper.value && b.strict {
			r.upper = &b
		}
	}
}

// tighten brings equal ranges to equal bounds: nothing is less than the empty
// text, an excluded end is an open end, a range of one value is an "in".
func (r *columnRange) tighten() {
	if r.lower != nil && r.lower.value == "" {
		if r.lower.strict {
			r.except = sortedValues(append(r.except, ""))
		}
		r.lower = nil
	}
	for _, b := range []*bound{r.lower, r.upper} {
		if b != nil && r.excepted(b.value) {
			b.strict = true
		}
	}
	low := bound{}
	if r.lower != nil {
		low = *r.lower
	}
	if r.among == nil && r.upper != nil && !r.upper.strict && !low.strict && low.value == r.upper.value {
		r.among = &[]string{low.value}
	}
}

func (r *columnRange) excepted(v string) bool {
	_, found := slices.BinarySearch(r.except, v)
	return found
}

func (r *columnRange) bounded(v string) bool {
	if r.lower != nil && (v < r.lower.value || r.lower.strict && v == r.lower.value) {
		return false
	}
	return r.upper == nil || v < r.upper.value || !r.upper.strict && v == r.upper.value
}

// comparePredicates orders predicates by column, operator, values, arguments.
func comparePredicates(a, b catalog.Predicate) int {
	if c := cmp.Or(strings.Compare(a.Column, b.Column), strings.Compare(a.Op, b.Op), slices.Compare(a.Values, b.Values)); c != 0 {
		return c
	}
	return slices.CompareFunc(a.Args, b.Args, comparePredicates)
}
