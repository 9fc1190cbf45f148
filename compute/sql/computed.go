package sql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/standard"
)

// Operators of an Expr.
const (
	ExprNumber = "number"
	ExprText   = "text"
	ExprFigure = "figure"
	ExprAdd    = "+"
	ExprSub    = "-"
	ExprMul    = "*"
	ExprDiv    = "/"
	ExprNeg    = "neg"
	ExprRound  = "round"
	ExprCase   = "case"
	ExprIndex  = "index"
)

// Expr is what the client works out of the released figures of a row, in rational
// arithmetic. Op is number (Number, a decimal), text (Text), figure (Of), an operator on two
// Args, neg or round (one Arg; to Places decimals, halves away from zero), or case: the Arg of
// the first of When that is true, else the Arg behind them if there is one. NULL makes NULL,
// as does a division by zero and a case without a true condition. An
// index (Text is its name, of package standard) is made of Args, figures of measures that say
// their pollutants; with Lake they are of a lake.
type Expr struct {
	Op     string   `json:"op"`
	Number string   `json:"number,omitempty"`
	Text   string   `json:"text,omitempty"`
	Of     *Output  `json:"of,omitempty"`
	Args   []Expr   `json:"args,omitempty"`
	When   []Having `json:"when,omitempty"`
	Places int      `json:"places,omitempty"`
	Lake   bool     `json:"lake,omitempty"`
}

// MaxPlaces is how many decimals ROUND takes at most.
const MaxPlaces = 24

const (
	extractWord = "EXTRACT"
	roundWord   = "ROUND"
	computable  = "computations are of aggregates and numbers"
)

// expressionReader reads what the client computes of figures, and the conditions on them that stand in HAVING and CASE. The
// figures become part of the request, whether or not they are shown.
type expressionReader struct {
	*scope
	figures *figureReader
	columns *columns // which conditions name by their aliases
	out     *Compiled
}

// expression shows an item that is computed of figures.
func (c *compiler) expression(it *item) *Error {
	e, fault := c.expressions.product(it.Of, true)
	if fault != nil {
		return fault
	}
	if o, found := rootsIn(e, c.out.Request.Select); found {
		pos, raw := it.place()
		text := c.columns.text(o)
		return faultAt(pos, raw, "%s is a root, of which nothing is computed exactly before it is rounded", text).want("ROUND(" + text + ", 6)")
	}
	return c.columns.show(it, Output{Name: exprText(e, c.columns.text, caseWord), Kind: OutputExpression, Expr: &e})
}

// caseWord names a CASE in the name of a column.
func caseWord(Expr) string { return ExprCase }

// product reads factors and what joins them; * and / bind closer than + and -. text says
// whether a text may stand here.
func (r *expressionReader) product(p *product, text bool) (Expr, *Error) {
	sum, fault := r.factor(p.First, text && len(p.Rest) == 0)
	if fault != nil {
		return sum, fault
	}
	var left *Expr // of + or -, whose right side is being read
	op := ""
	closed := func() Expr {
		if left == nil {
			return sum
		}
		return Expr{Op: op, Args: []Expr{*left, sum}}
	}
	for _, t := range p.Rest {
		next, fault := r.factor(t.Factor, false)
		if fault != nil {
			return next, fault
		}
		if t.Op == ExprMul || t.Op == ExprDiv {
			sum = Expr{Op: t.Op, Args: []Expr{sum, next}}
			continue
		}
		done := closed()
		left, op, sum = &done, t.Op, next
	}
	return closed(), nil
}

func (r *expressionReader) factor(f *factor, text bool) (Expr, *Error) {
	if f.Minus {
		plain := *f
		plain.Minus = false
		e, fault := r.factor(&plain, false)
		return Expr{Op: ExprNeg, Args: []Expr{e}}, fault
	}
	switch {
	case f.Star:
		return Expr{}, faultAt(f.Pos, "*", computable).want(aggregates...)
	case f.Tree != nil:
		return r.product(f.Tree, text)
	case f.Case != nil:
		return r.cases(f.Case, text)
	case f.Literal.Text != "":
		if !text {
			return Expr{}, faultAt(f.Pos, f.Literal.Text, computable+"; a text stands alone behind THEN or ELSE").want(aggregates...)
		}
		return Expr{Op: ExprText, Text: unquote(f.Literal.Text)}, nil
	case f.Literal.Num != "":
		if _, ok := aggregate.ParseNumber(f.Literal.Num); !ok || f.Call != nil {
			return Expr{}, faultAt(f.Pos, f.Literal.Num, "this is no decimal number of at most %d digits", aggregate.MaxDigits).want("a number")
		}
		return Expr{Op: ExprNumber, Number: f.Literal.Num}, nil
	case f.Call != nil && f.Literal.Of == nil && nameIs(f.Literal.Name.text(), roundWord):
		return r.round(f)
	case f.isIndex():
		return r.index(f, text)
	}
	return r.figureIn(f)
}

// figureIn is a figure that something is computed of.
func (r *expressionReader) figureIn(f *factor) (Expr, *Error) {
	v := &value{Name: f.Literal.Name, Call: f.Call}
	if f.Literal.Of != nil {
		return Expr{}, faultAt(f.Pos, f.Literal.Name.Raw, "a dataset stands before a measure in a product of two, and before nothing else").
			want(append(r.dimensions(), joinedForms...)...)
	}
	if f.Call == nil || v.isDimension() {
		return Expr{}, faultAt(f.Pos, f.Literal.Name.Raw, computable+", and %s is neither", f.Literal.Name.text()).want(aggregates...)
	}
	of, fault := r.oneFigure(v)
	return Expr{Op: ExprFigure, Of: &of}, fault
}

// round reads ROUND(expression, places). It makes a number of a root, which nothing else can
// be computed of exactly.
func (r *expressionReader) round(f *factor) (Expr, *Error) {
	n, args := f.Literal.Name, f.Call.Args
	if len(args) != 1 && len(args) != 2 || f.Call.Distinct {
		return Expr{}, faultAt(n.Pos, n.Raw, "ROUND takes a figure and how many decimals it has").want("ROUND(AVG(measure), 1)")
	}
	e, fault := r.product(args[0], false)
	if fault != nil || len(args) == 1 {
		return Expr{Op: ExprRound, Args: []Expr{e}}, fault
	}
	at := args[1].First
	places := -1
	if len(args[1].Rest) == 0 && !at.Minus && at.Literal != nil && at.Call == nil && at.Literal.Num != "" {
		if p, err := strconv.Atoi(at.Literal.Num); err == nil && p <= MaxPlaces {
			places = p
		}
	}
	if places < 0 {
		return Expr{}, faultAt(at.Pos, at.raw(), "ROUND takes a whole number of decimals").want("0 to " + strconv.Itoa(MaxPlaces))
	}
	return Expr{Op: ExprRound, Args: []Expr{e}, Places: places}, nil
}

// cases reads CASE WHEN … END; all its branches are numbers, or all of them texts.
func (r *expressionReader) cases(t *cases, text bool) (Expr, *Error) {
	out := Expr{Op: ExprCase}
	branches := []*product{}
	for _, arm := range t.Arms {
		h, fault := r.havingOr(arm.If)
		if fault != nil {
			return out, fault
		}
		out.When = append(out.When, h)
		branches = append(branches, arm.Then)
	}
	if t.Else != nil {
		branches = append(branches, t.Else)
	}
	for _, b := range branches {
		e, fault := r.product(b, text)
		if fault != nil {
			return out, fault
		}
		out.Args = append(out.Args, e)
		if out.Args[0].Textual() != e.Textual() {
			return out, faultAt(b.First.Pos, b.First.raw(), "the branches of a CASE are all numbers, or all texts").want("a branch like the first one")
		}
	}
	return out, nil
}

// Textual reports whether the expression is a text, and no number.
func (e Expr) Textual() bool {
	if e.Op == ExprIndex {
		x := standard.IndexNamed(e.Text)
		return x != nil && x.Textual
	}
	return e.Op == ExprText || e.Op == ExprCase && len(e.Args) > 0 && e.Args[0].Textual()
}

func (e *Expr) textual() bool { return e != nil && e.Textual() }

// rootsIn finds a root that something other than ROUND is computed of.
func rootsIn(e Expr, selected []catalog.Aggregate) (Output, bool) {
	for _, a := range e.Args {
		if a.Op == ExprFigure && e.Op != ExprRound && e.Op != ExprCase {
			if f := aggregate.Of(selected[a.Of.Index].Func, a.Of.Form); f != nil && f.Root && a.Of.Relative == "" {
				return *a.Of, true
			}
		}
		if o, found := rootsIn(a, selected); found {
			return o, true
		}
	}
	return Output{}, false
}

// outputs are all figures that the expression names.
func (e *Expr) outputs() []*Output {
	if e == nil {
		return nil
	}
	var out []*Output
	if e.Of != nil {
		out = append(out, e.Of)
	}
	for i := range e.Args {
		out = append(out, e.Args[i].outputs()...)
	}
	for i := range e.When {
		out = append(out, e.When[i].outputs()...)
	}
	return out
}

// exprText writes an expression as SQL, with the parentheses that it needs; figure writes
// a figure, and cases a CASE.
func exprText(e Expr, figure func(Output) string, cases func(Expr) string) string {
	binds := func(op string) int { return slices.Index([]string{ExprAdd, ExprSub, ExprMul, ExprDiv}, op) / 2 }
	text := func(a Expr, closer bool) string {
		s := exprText(a, figure, cases)
		two := len(a.Args) == 2 && strings.Contains("+-*/", a.Op)
		if two && (len(e.Args) < 2 || binds(a.Op) < binds(e.Op) || closer && binds(a.Op) == binds(e.Op)) || a.Op == ExprNeg {
			return "(" + s + ")"
		}
		return s
	}
	switch e.Op {
	case ExprNumber:
		return e.Number
	case ExprText:
		return quotedText(e.Text)
	case ExprFigure:
		return figure(*e.Of)
	case ExprNeg:
		return "-" + text(e.Args[0], true)
	case ExprRound:
		return ExprRound + "(" + exprText(e.Args[0], figure, cases) + ", " + strconv.Itoa(e.Places) + ")"
	case ExprCase:
		return cases(e)
	case ExprIndex:
		list := make([]string, len(e.Args))
		for i, a := range e.Args {
			list[i] = exprText(a, figure, cases)
		}
		if e.Lake {
			list = append(list, quotedText(lakeWord))
		}
		return e.Text + "(" + strings.Join(list, ", ") + ")"
	}
	return text(e.Args[0], false) + " " + e.Op + " " + text(e.Args[1], true)
}

// entities reads COUNT(DISTINCT entity).
func (r *figureReader) entities(v *value) ([]known, *Error) {
	n := v.Name
	if !nameIs(n.text(), "COUNT") || len(v.Call.Args) != 1 || len(v.Call.Args[0].Rest) > 0 {
		return nil, faultAt(n.Pos, n.Raw, "DISTINCT stands in COUNT(DISTINCT entity) alone").want("COUNT(DISTINCT entity)")
	}
	f := v.Call.Args[0].First
	if !r.names(f, refEntity) {
		return nil, faultAt(f.Pos, f.raw(), "entities are counted, and nothing else is").want("COUNT(DISTINCT "+writable(r.entityName())+")", "COUNT(*)")
	}
	return []known{{catalog.Aggregate{Func: catalog.FuncCount}, Output{Kind: OutputAggregate, Form: aggregate.FormEntities}}}, nil
}

// plain refuses what no argument of an aggregate or dimension is: parentheses, CASE, a sign.
func (call *call) plain() *Error {
	if call == nil {
		return nil
	}
	for _, p := range call.Args {
		for _, f := range p.factors() {
			if f.Minus || f.Tree != nil || f.Case != nil {
				return faultAt(f.Pos, f.raw(), notAnswered, "computations inside an aggregate are").
					want("a measure", "computations outside, such as SUM(measure) * 1.5")
			}
			if fault := f.Call.plain(); fault != nil {
				return fault
			}
		}
	}
	return nil
}
