package catalog

import (
	"fmt"
	"math/big"
	"slices"
)

// checkSums refuses a policy that grants what can never be answered because no sum of
// it fits the plaintext space, however few cells it is over. It asks less than
// checkMagnitude does of a query: whatever it refuses, that would refuse.
func (d Descriptor) checkSums() *Refusal {
	for i, pair := range d.Policy.Moments {
		if c := (Column{Measure: pair[0], Times: pair[1]}); !d.fits(c) {
			return d.unfit(fmt.Sprintf("policy.moments[%d]", i), "policy.moment_overflow", c)
		}
	}
	var seen []string
	for i, name := range d.Policy.Aggregates {
		for _, f := range functions {
			if !slices.Contains(f.names, name) || slices.Contains(seen, f.name) {
				continue
			}
			seen = append(seen, f.name)
			if c, ok := d.unanswerable(f); ok {
				return d.unfit(fmt.Sprintf("policy.aggregates[%d]", i), "policy.aggregate_overflow", c, name)
			}
		}
	}
	return nil
}

// unanswerable is a column that a function would have to open and cannot: of sums and
// means that of any measure; of variances and functions of two measures only where
// none fits, since a policy grants these for those that do (TooWide names the others).
func (d Descriptor) unanswerable(f function) (Column, bool) {
	if f.joined || f.weights && !f.every {
		return Column{}, false // of what a second dataset or private weights are, a policy says nothing
	}
	var widest Column
	tried := false
	for i, x := range d.Measures {
		others := []Measure{{}}
		if f.pair {
			others = d.Measures[i+1:]
		}
		for _, y := range others {
			a := Aggregate{Func: f.name, Measure: x.Name}
			if f.pair {
				a.Measure, a.Other = min(x.Name, y.Name), max(x.Name, y.Name)
			}
			c, ok := d.tooWide(a)
			switch {
			case ok && f.every:
				return c, true
			case !ok && !f.every && d.mayAnswer(a):
				return Column{}, false
			case ok:
				widest, tried = c, true
			}
		}
	}
	return widest, tried
}

// TooWide are the measures whose variance the policy grants and of whose squares no sum
// fits: whoever publishes is told, since nobody will ever get one.
func (d Descriptor) TooWide() []string {
	if !Grants(d.Policy.Aggregates, FuncVar) {
		return nil
	}
	var out []string
	for _, m := range d.Measures {
		if _, ok := d.tooWide(Aggregate{Func: FuncVar, Measure: m.Name}); ok {
			out = append(out, m.Name)
		}
	}
	return out
}

// SquaredWidth is the widest range, in units of a measure's last decimal, of which a sum
// of squares over the smallest figure fits: 2·⌊√(MaxSum / smallest)⌋.
func (d Descriptor) SquaredWidth() int64 {
	n := big.NewInt(max(MaxSum/d.smallest(), 0))
	return 2 * n.Sqrt(n).Int64()
}

// tooWide is a column of an aggregate of which no sum fits.
func (d Descriptor) tooWide(a Aggregate) (Column, bool) {
	if !d.mayAnswer(a) {
		return Column{}, false
	}
	columns := a.Columns(d)
	i := slices.IndexFunc(columns, func(c Column) bool { return !d.fits(c) })
	if i < 0 {
		return Column{}, false
	}
	return columns[i], true
}

// mayAnswer reports whether the policy answers an aggregate at all: of a protected
// dataset squares and products that moments lists, others with noise only.
func (d Descriptor) mayAnswer(a Aggregate) bool {
	if d.Policy.Public || d.Policy.DP != nil {
		return true
	}
	return !slices.ContainsFunc(a.Columns(d), func(c Column) bool { return c.moment() && !d.lists(c.Measure, c.Times) })
}

// smallest is how many entities the smallest figure is over.
func (d Descriptor) smallest() int64 {
	if d.Policy.Public {
		return 1
	}
	return int64(d.Policy.MinCohort)
}

func (d Descriptor) fits(c Column) bool { return c.Widest(d) <= MaxSum/d.smallest() }

// unfit refuses what needs a column that no sum fits of, by a code whose arguments are the
// column, how many readings the smallest sum is over, MaxSum, the measure, and args.
func (d Descriptor) unfit(at, code string, c Column, args ...any) *Refusal {
	c.With = "" // it has no part in the sum's size
	return Invalid(at, code, append([]any{c, d.smallest(), int64(MaxSum), c.Measure}, args...)...)
}
