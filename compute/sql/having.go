package sql

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
)

// Having is a condition on a released row, checked at the client. Op is and, or
// (Args, at least two), not (one Arg), or eq, ne, lt, le, gt, ge: the figure Of
// against the decimal Number. As in SQL a comparison with NULL is neither true nor
// false, and a row stays only where the whole is true.
type Having struct {
	Op     string   `json:"op"`
	Args   []Having `json:"args,omitempty"`
	Of     *Output  `json:"of,omitempty"`
	Number string   `json:"number,omitempty"`
}

// comparisons are the operators of comparisons, as SQL has them.
var comparisons = map[string]string{"=": OpEQ, "<>": OpNE, "!=": OpNE, "<": catalog.OpLt, "<=": catalog.OpLe, ">": catalog.OpGt, ">=": catalog.OpGe}

// Comparisons that only HAVING has as such.
const (
	OpEQ = "eq"
	OpNE = "ne"
)

// Compares decides a comparison by how the left side compares with the right one: below
// zero, zero, or above.
func Compares(op string, sign int) bool {
	switch op {
	case OpEQ:
		return sign == 0
	case OpNE:
		return sign != 0
	case catalog.OpLt:
		return sign < 0
	case catalog.OpLe:
		return sign <= 0
	case catalog.OpGt:
		return sign > 0
	}
	return sign >= 0
}

// having reads HAVING. Its figures need not be selected; they become part of the
// request.
func (c *compiler) having() *Error {
	if c.stmt.Having == nil {
		return nil
	}
	h, fault := c.expressions.havingOr(c.stmt.Having)
	if fault == nil {
		c.out.Having = &h
	}
	return fault
}

func (r *expressionReader) havingOr(t *havingTree) (Having, *Error) {
	arms := append([]*havingAnd{t.First}, t.Rest...)
	return havingList(catalog.OpOr, arms, func(a *havingAnd) (Having, *Error) {
		return havingList(catalog.OpAnd, a.Arms, r.havingNot)
	})
}

// havingList reads the arms of AND or OR; one alone is itself.
func havingList[T any](op string, arms []T, read func(T) (Having, *Error)) (Having, *Error) {
	out := Having{Op: op}
	for _, arm := range arms {
		h, fault := read(arm)
		if fault != nil {
			return h, fault
		}
		if h.Op == op {
			out.Args = append(out.Args, h.Args...)
		} else {
			out.Args = append(out.Args, h)
		}
	}
	if len(out.Args) == 1 {
		return out.Args[0], nil
	}
	return out, nil
}

func (r *expressionReader) havingNot(n *havingNot) (Having, *Error) {
	switch {
	case n.Not != nil:
		h, fault := r.havingNot(n.Not)
		return Having{Op: catalog.OpNot, Args: []Having{h}}, fault
	case n.Tree != nil:
		return r.havingOr(n.Tree)
	}
	return r.havingTest(n.Test)
}

func (r *expressionReader) havingTest(t *havingTest) (Having, *Error) {
	number := t.Number.Raw
	if t.Number.Minus {
		number = "-" + number
	}
	if _, ok := aggregate.ParseNumber(number); !ok {
		return Having{}, faultAt(t.Number.Pos, t.Number.Raw, "HAVING compares with a decimal number of at most %d digits", aggregate.MaxDigits).want("a number")
	}
	of, fault := r.havingFigure(t)
	return Having{Op: comparisons[t.Op], Of: &of, Number: number}, fault
}

// havingFigure is the figure on the left of a comparison: one that is selected, by
// its alias, or any other.
func (r *expressionReader) havingFigure(t *havingTest) (Output, *Error) {
	n := t.Name
	if t.Call == nil {
		if i := aliased(n, r.columns.aliases); i >= 0 && !r.out.Output[i].groups() && !r.out.Output[i].Expr.textual() {
			return r.out.Output[i].Figure(), nil
		}
		return Output{}, faultAt(n.Pos, n.Raw, "HAVING is a condition on aggregates; conditions on %s belong into WHERE", n.text()).want(aggregates...)
	}
	if nameIs(n.text(), "DATE_TRUNC") || isDatePart(n) {
		return Output{}, faultAt(n.Pos, n.Raw, "HAVING is a condition on aggregates; conditions on periods belong into WHERE").want(aggregates...)
	}
	return r.oneFigure(&value{Name: n, Call: t.Call})
}

// oneFigure reads a call that is one figure, and makes it part of the request.
func (r *expressionReader) oneFigure(v *value) (Output, *Error) {
	list, fault := r.figures.of(v)
	if fault != nil {
		return Output{}, fault
	}
	if len(list) > 1 {
		return Output{}, faultAt(v.Name.Pos, v.Name.Raw, "a histogram is several figures").want("EXCEEDANCE(measure, limit)", "QUANTILE(measure, q)")
	}
	k := list[0]
	k.output.Index = add(&r.out.Request.Select, k.aggregate)
	return k.output, checkRelative(r.out, k.output, v.Name)
}

// checkRelative refuses a comparison of years of a query that forms no periods.
func checkRelative(out *Compiled, o Output, n *name) *Error {
	if o.Relative == aggregate.RelativeYear && len(out.Cycles) > 0 {
		return faultAt(n.Pos, n.Raw, "YEAR_ON_YEAR compares periods, and the query joins those of all years").want("GROUP BY date_trunc('month', period)")
	}
	if o.Relative != aggregate.RelativeYear || slices.ContainsFunc(out.Request.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod }) {
		return nil
	}
	return faultAt(n.Pos, n.Raw, "YEAR_ON_YEAR compares the groups of a period with those of a year earlier, and the query groups by no period").
		want("GROUP BY date_trunc('month', period)")
}

// outputs are all outputs that a condition names.
func (h *Having) outputs() []*Output {
	if h == nil {
		return nil
	}
	var out []*Output
	if h.Of != nil && h.Of.Kind == OutputAggregate {
		out = append(out, h.Of)
	}
	for i := range h.Args {
		out = append(out, h.Args[i].outputs()...)
	}
	return out
}
