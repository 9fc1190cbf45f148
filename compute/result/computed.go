package result

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/sql"
)

// checkExpr refuses an expression that may have come from elsewhere and is none. depth is how
// deep it may be nested.
func checkExpr(e *sql.Expr, c *sql.Compiled, d catalog.Descriptor, depth int) error {
	args := map[string]int{sql.ExprNumber: 0, sql.ExprText: 0, sql.ExprFigure: 0, sql.ExprNeg: 1, sql.ExprRound: 1,
		sql.ExprAdd: 2, sql.ExprSub: 2, sql.ExprMul: 2, sql.ExprDiv: 2, sql.ExprCase: len(e.Args), sql.ExprIndex: len(e.Args)}
	n, known := args[e.Op]
	switch {
	case depth <= 0:
		return fmt.Errorf("an expression is nested too deeply")
	case !known || len(e.Args) != n || e.Op != sql.ExprCase && len(e.When) > 0:
		return fmt.Errorf("%q of %d is no expression", e.Op, len(e.Args))
	case e.Op == sql.ExprCase && (len(e.When) == 0 || n != len(e.When) && n != len(e.When)+1):
		return fmt.Errorf("a case has %d conditions and %d branches", len(e.When), n)
	case e.Places < 0 || e.Places > sql.MaxPlaces:
		return fmt.Errorf("%d decimals are asked for", e.Places)
	case e.Op == sql.ExprFigure && e.Of == nil:
		return fmt.Errorf("an expression names no figure")
	case e.Op == sql.ExprFigure:
		return checkOutput(c, *e.Of, d)
	}
	if e.Op == sql.ExprIndex {
		if err := checkIndex(e, c, d); err != nil {
			return err
		}
	}
	if _, ok := aggregate.ParseNumber(e.Number); e.Op == sql.ExprNumber && !ok {
		return fmt.Errorf("%.80q is no number of an expression", e.Number)
	}
	for i := range e.When {
		if err := checkHaving(&e.When[i], c, d, sql.MaxNesting); err != nil {
			return err
		}
	}
	for i := range e.Args {
		if e.Args[i].Textual() != (e.Op == sql.ExprCase && e.Args[0].Textual()) {
			return fmt.Errorf("an expression computes with a text")
		}
		if err := checkExpr(&e.Args[i], c, d, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// computed works an expression out in all groups.
func (w *figures) computed(e *sql.Expr) *column {
	if e.Textual() {
		c := &column{Column: Column{Type: TypeText}, texts: make([]string, len(w.groups))}
		for group := range w.groups {
			c.texts[group] = w.text(e, group)
		}
		return c
	}
	c := &column{Column: Column{Type: TypeDecimal, Unit: w.unit(e)}, places: min(w.places(e), aggregate.MaxDigits)}
	for group := range w.groups {
		c.figures = append(c.figures, w.compute(e, group))
	}
	return c
}

// branch is that of a case in a group; nil: there is none.
func (w *figures) branch(e *sql.Expr, group int) *sql.Expr {
	for i := range e.When {
		if w.holds(&e.When[i], group) == isTrue {
			return &e.Args[i]
		}
	}
	if len(e.Args) > len(e.When) {
		return &e.Args[len(e.When)]
	}
	return nil
}

func (w *figures) text(e *sql.Expr, group int) string {
	for e != nil && e.Op == sql.ExprCase {
		e = w.branch(e, group)
	}
	if e != nil && e.Op == sql.ExprIndex {
		_, text := w.index(e, group)
		return text
	}
	if e == nil {
		return ""
	}
	return e.Text
}

// compute is an expression in a group, in rational arithmetic. An interval is kept where one
// figure with noise is added to, or multiplied with, numbers without any.
func (w *figures) compute(e *sql.Expr, group int) aggregate.Quantity {
	switch e.Op {
	case sql.ExprNumber:
		number, _ := aggregate.ParseNumber(e.Number) // checked by checkExpr
		return aggregate.Quantity{Value: number}
	case sql.ExprFigure:
		return w.column(*e.Of).figures[group]
	case sql.ExprCase:
		if e = w.branch(e, group); e == nil {
			return aggregate.Quantity{}
		}
		return w.compute(e, group)
	case sql.ExprIndex:
		value, _ := w.index(e, group)
		return aggregate.Quantity{Value: value}
	}
	x := w.compute(&e.Args[0], group)
	if e.Op == sql.ExprRound {
		return x.Round(e.Places)
	}
	if x.Null() {
		return aggregate.Quantity{}
	}
	if e.Op == sql.ExprNeg {
		return aggregate.Quantity{Value: new(big.Rat).Neg(x.Value), Half: x.Half}
	}
	y := w.compute(&e.Args[1], group)
	if y.Null() || e.Op == sql.ExprDiv && y.Value.Sign() == 0 {
		return aggregate.Quantity{}
	}
	if w.verdict.Noise != nil && !w.exact(&e.Args[1]) && (e.Op == sql.ExprDiv || !w.exact(&e.Args[0])) {
		x.Half, y.Half = nil, nil
	}
	return operate(e.Op, x, y)
}

// exact reports whether an expression carries no noise whatever was asked for: it is of
// numbers and public counts.
func (w *figures) exact(e *sql.Expr) bool {
	if e.Op == sql.ExprFigure {
		return w.query.Request.Select[e.Of.Index].Func == catalog.FuncCount
	}
	return e.Op != sql.ExprCase && !slices.ContainsFunc(e.Args, func(a sql.Expr) bool { return !w.exact(&a) })
}

// operate joins two numbers, of which at most one has an interval: of a division the first,
// and the second is not 0.
func operate(op string, x, y aggregate.Quantity) aggregate.Quantity {
	out := aggregate.Quantity{Value: new(big.Rat)}
	scaled := func(half, by *big.Rat) *big.Rat {
		if half == nil {
			return nil
		}
		return new(big.Rat).Mul(half, new(big.Rat).Abs(by))
	}
	switch op {
	case sql.ExprAdd, sql.ExprSub:
		if out.Half = x.Half; out.Half == nil {
			out.Half = y.Half
		}
		if op == sql.ExprAdd {
			out.Value.Add(x.Value, y.Value)
		} else {
			out.Value.Sub(x.Value, y.Value)
		}
	case sql.ExprMul:
		out.Value.Mul(x.Value, y.Value)
		if out.Half = scaled(x.Half, y.Value); out.Half == nil {
			out.Half = scaled(y.Half, x.Value)
		}
	default:
		out.Value.Quo(x.Value, y.Value)
		out.Half = scaled(x.Half, new(big.Rat).Inv(y.Value))
	}
	return out
}

// places is how many decimals an expression is written with: all that it has, and of a
// quotient those of an average.
func (w *figures) places(e *sql.Expr) int {
	switch e.Op {
	case sql.ExprNumber:
		_, decimals, _ := strings.Cut(e.Number, ".")
		return len(decimals)
	case sql.ExprFigure:
		return w.column(*e.Of).places
	case sql.ExprRound:
		return e.Places
	case sql.ExprIndex:
		return indexOf(e).Places
	case sql.ExprDiv:
		return aggregate.AvgPlaces
	case sql.ExprMul:
		if x, y := w.places(&e.Args[0]), w.places(&e.Args[1]); max(x, y) < aggregate.AvgPlaces {
			return x + y
		}
		return aggregate.AvgPlaces
	}
	most := 0
	for i := range e.Args {
		most = max(most, w.places(&e.Args[i]))
	}
	return most
}

// unit of an expression: that of its figures where they agree, and the product or quotient
// of two; none where a sum is of different ones.
func (w *figures) unit(e *sql.Expr) string {
	switch e.Op {
	case sql.ExprNumber, sql.ExprIndex:
		return ""
	case sql.ExprFigure:
		return w.column(*e.Of).Unit
	case sql.ExprMul, sql.ExprDiv:
		x, y := w.unit(&e.Args[0]), w.unit(&e.Args[1])
		switch {
		case y == "":
			return x
		case e.Op == sql.ExprDiv && x == y:
			return ""
		case e.Op == sql.ExprDiv && x == "":
			return "1/" + y
		case x == "":
			return y
		case e.Op == sql.ExprDiv:
			return x + " / " + y
		}
		return x + " · " + y
	}
	unit, first := "", true
	for i := range e.Args {
		if e.Args[i].Op == sql.ExprNumber {
			continue
		}
		if u := w.unit(&e.Args[i]); first {
			unit, first = u, false
		} else if u != unit {
			return ""
		}
	}
	return unit
}
