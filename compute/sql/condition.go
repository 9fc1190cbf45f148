package sql

import (
	"fmt"
	"slices"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	say "github.com/weirdata/weir/catalog/explain"
)

// parts is a condition split into one on entities AND one on periods. A nil
// part is no condition.
type parts struct {
	entities *catalog.Predicate
	periods  *calendar.PeriodSet
	selector *selector
	cycles   []cycle
}

// conditionReader reads WHERE.
type conditionReader struct {
	*scope
	values  *registryValues
	sql     string
	text    *text
	aliases []string // of results, on which WHERE has no conditions
}

// where reads WHERE into the request.
func (c *compiler) where() (fault *Error) {
	r := &conditionReader{scope: c.scope, values: c.values, sql: c.sql, text: &c.text, aliases: c.columns.aliases}
	c.in, fault = r.where(c.stmt.Where, &c.out.Request)
	return fault
}

// where compiles WHERE into the request's predicate and intervals, and its selector.
func (w *conditionReader) where(tree *orTree, request *catalog.Request) (*selector, *Error) {
	if tree == nil {
		return nil, nil
	}
	p, fault := w.orParts(tree)
	if fault != nil {
		return nil, fault
	}
	if p.selector != nil {
		request.In = p.selector.id
	}
	at, all := tree.Pos, w.between(tree.Pos, tree.EndPos)
	w.text.where, w.text.condition = at, all
	if p.entities != nil {
		pred, always, never := canonical(*p.entities)
		if never {
			return nil, faultAt(at, all, "no entity can satisfy this condition").want("a condition that some entity meets")
		}
		if r := pred.Check(w.schema.Columns); r != nil && !always {
			return nil, faultAt(at, all, "%s", say.Message(r)).want("fewer conditions", "IN with a list of values")
		}
		if !always {
			request.Where = &pred
		}
	}
	if p.periods, fault = w.cut(p); fault != nil {
		return nil, fault
	}
	if p.periods != nil {
		if len(*p.periods) == 0 {
			return nil, faultAt(at, all, "no period can satisfy this condition").want("a condition that some period meets")
		}
		request.Periods = w.literals.limited(*p.periods)
		if n := len(request.Periods); n > catalog.MaxIntervals {
			return nil, faultAt(at, all, "the condition on periods falls into %d intervals", n).
				want(fmt.Sprintf("at most %d intervals", catalog.MaxIntervals))
		}
	}
	return p.selector, nil
}

// mixed explains why a condition cannot be split.
func mixed(pos lexer.Position, word string) *Error {
	return faultAt(pos, word, "%s joins a condition on entities with one on periods: "+
		"a group is a set of entities times a set of periods, so WHERE is a condition on entities AND one on periods", word).
		want("AND between the two", "two queries")
}

func (w *conditionReader) orParts(tree *orTree) (parts, *Error) {
	out, fault := w.andParts(tree.First)
	if fault != nil || len(tree.Rest) == 0 {
		return out, fault
	}
	entities := []catalog.Predicate{}
	for i := -1; i < len(tree.Rest); i++ {
		p := out
		if i >= 0 {
			if p, fault = w.andParts(tree.Rest[i].Arm); fault != nil {
				return parts{}, fault
			}
		}
		if p.selector != nil {
			return parts{}, p.selector.misplaced("OR")
		}
		if len(p.cycles) > 0 {
			return parts{}, p.cycles[0].misplaced("OR")
		}
		if (p.entities != nil) != (out.entities != nil) || (p.periods != nil) != (out.periods != nil) ||
			p.entities != nil && p.periods != nil {
			return parts{}, mixed(tree.Rest[max(i, 0)].Pos, "OR")
		}
		switch {
		case p.entities != nil:
			entities = append(entities, *p.entities)
		case i >= 0:
			union := out.periods.Union(*p.periods)
			out.periods = &union
		}
	}
	if len(entities) > 0 {
		out.entities = &catalog.Predicate{Op: catalog.OpOr, Args: entities}
	}
	return out, nil
}

func (w *conditionReader) andParts(tree *andTree) (parts, *Error) {
	var out parts
	var entities []catalog.Predicate
	for _, arm := range tree.Arms {
		p, fault := w.notParts(arm)
		if fault != nil {
			return parts{}, fault
		}
		if p.entities != nil {
			entities = append(entities, *p.entities)
		}
		if p.periods != nil {
			both := *p.periods
			if out.periods != nil {
				both = out.periods.Intersect(both)
			}
			out.periods = &both
		}
		out.cycles = append(out.cycles, p.cycles...)
		if p.selector != nil {
			if out.selector != nil {
				return parts{}, p.selector.twice()
			}
			out.selector = p.selector
		}
	}
	if len(entities) > 0 {
		out.entities = &catalog.Predicate{Op: catalog.OpAnd, Args: entities}
	}
	return out, nil
}

func (w *conditionReader) notParts(tree *notTree) (parts, *Error) {
	switch {
	case tree.Tree != nil:
		return w.orParts(tree.Tree)
	case tree.Test != nil:
		return w.test(tree.Test)
	}
	p, fault := w.notParts(tree.Not)
	if fault != nil {
		return parts{}, fault
	}
	if p.selector != nil {
		return parts{}, p.selector.misplaced("NOT")
	}
	if len(p.cycles) > 0 {
		return parts{}, p.cycles[0].misplaced("NOT")
	}
	if p.entities != nil && p.periods != nil {
		return parts{}, mixed(tree.Pos, "NOT")
	}
	if p.entities != nil {
		return parts{entities: &catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{*p.entities}}}, nil
	}
	rest := w.literals.complement(*p.periods)
	return parts{periods: &rest}, nil
}

// test compiles one comparison.
func (w *conditionReader) test(t *comparison) (parts, *Error) {
	n := t.Name
	if t.Call != nil {
		if isDatePart(n) {
			return w.partTest(t)
		}
		if nameIs(n.text(), "DATE_TRUNC") {
			return parts{}, faultAt(n.Pos, n.Raw, "a condition compares period itself: a coarser literal means its whole interval").
				want("period = '2024-05'")
		}
		return parts{}, faultAt(n.Pos, n.Raw, "conditions compare columns, not functions of them").want(w.dimensions()...)
	}
	r := w.resolve(n)
	if t.Of != nil && r.kind != refEntity && r.kind != refNone {
		return parts{}, w.notEntity(t)
	}
	switch r.kind {
	case refEntity:
		if t.Of != nil {
			return w.selector(t)
		}
		return w.entityTest(t, "")
	case refAttribute:
		return w.entityTest(t, r.column)
	case refPeriod:
		return w.periodTest(t)
	case refMeasure:
		return parts{}, faultAt(n.Pos, n.Raw, "%s is a measure: measures are encrypted; conditions are on entities and periods", n.text()).
			want(w.dimensions()...)
	case refNone:
	}
	fault := faultAt(n.Pos, n.Raw, "there is no column %s", n.text())
	if aliased(n, w.aliases) >= 0 {
		fault.Message = fmt.Sprintf("%s is the name of a result, and WHERE works on the data", n.text())
	}
	return parts{}, fault.among(n.text(), w.dimensions()...)
}

// entityTest compiles a comparison of the entity's id (column "") or of an
// attribute.
func (w *conditionReader) entityTest(t *comparison, column string) (parts, *Error) {
	if column != "" && slices.Contains(w.schema.Descriptor.Numbers, column) {
		return w.numberTest(t, column)
	}
	texts, fault := texts(t)
	if fault != nil {
		return parts{}, fault
	}
	leaf := func(op string, values ...string) catalog.Predicate {
		return catalog.Predicate{Op: op, Column: column, Values: values}
	}
	negated := func(p catalog.Predicate) catalog.Predicate {
		return catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{p}}
	}
	if t.To != nil && texts[0] > texts[1] {
		low, number := decimal.Exact(texts[0])
		if high, both := decimal.Exact(texts[1]); number && both && low.Cmp(high) <= 0 {
			return parts{}, faultAt(t.From.Pos, t.From.raw(), "%s", orderOfText(column))
		}
		return parts{}, t.backwards()
	}
	if t.Like != nil {
		p, fault := w.like(t, column)
		if fault != nil {
			return parts{}, fault
		}
		if t.Not {
			p = negated(p)
		}
		return parts{entities: &p}, nil
	}
	w.text.compares(t, column)
	var p catalog.Predicate
	switch {
	case t.Op == "=":
		p = leaf(catalog.OpIn, texts...)
	case t.Op == "<>" || t.Op == "!=":
		p = negated(leaf(catalog.OpIn, texts...))
	case t.Op != "":
		p = leaf(comparisons[t.Op], texts...)
	case t.In != nil:
		p = leaf(catalog.OpIn, texts...)
	default:
		p = catalog.Predicate{Op: catalog.OpAnd, Args: []catalog.Predicate{leaf(catalog.OpGe, texts[0]), leaf(catalog.OpLe, texts[1])}}
	}
	if t.Not {
		p = negated(p)
	}
	return parts{entities: &p}, nil
}

// backwards refuses BETWEEN two values of which the first is the greater.
func (t *comparison) backwards() *Error {
	fault := faultAt(t.From.Pos, t.From.raw(), "nothing lies between: %s comes after %s", t.From.raw(), t.To.raw()).want("the smaller value first")
	fault.Nearest = t.To.raw() + " AND " + t.From.raw()
	return fault
}

// literals are the operands of t.
func (t *comparison) literals() []*literal {
	switch {
	case t.Op != "":
		return []*literal{t.Operand}
	case t.In != nil:
		return t.In
	case t.Like != nil:
		return []*literal{t.Like}
	}
	return []*literal{t.From, t.To}
}

// texts reads the operands of t, all of which must be text.
func texts(t *comparison) ([]string, *Error) {
	var out []string
	for _, l := range t.literals() {
		if l.Text == "" {
			return nil, faultAt(l.Pos, l.raw(), "a value is text in single quotes").want("'" + l.plain() + "'")
		}
		out = append(out, unquote(l.Text))
	}
	return out, nil
}

// plain is the literal without quotes.
func (l *literal) plain() string {
	switch {
	case l.Text != "":
		return unquote(l.Text)
	case l.Num != "":
		return l.Num
	}
	return l.Name.text()
}

// periodTest compiles a comparison of period.
func (w *conditionReader) periodTest(t *comparison) (parts, *Error) {
	if t.Like != nil {
		return parts{}, faultAt(t.Like.Pos, t.Like.raw(), "LIKE is of entities and attributes; a period is compared with one that may be coarser").want("period = '2024'")
	}
	var spans []calendar.Interval
	for i, l := range t.literals() {
		span, fault := w.literals.literal(l, t.end(i))
		if fault != nil {
			return parts{}, fault
		}
		spans = append(spans, span)
	}
	w.text.periods = append(w.text.periods, t.literals()...)
	if t.To != nil && spans[1].To <= spans[0].From {
		return parts{}, t.backwards()
	}
	all := w.literals.all
	var set calendar.PeriodSet
	switch {
	case t.Op == "=" || t.In != nil:
		set = calendar.NewPeriodSet(spans)
	case t.Op == "<>" || t.Op == "!=":
		set = w.literals.complement(calendar.NewPeriodSet(spans))
	case t.Op == "<":
		set = calendar.NewPeriodSet([]calendar.Interval{{From: all.From, To: spans[0].From}})
	case t.Op == "<=":
		set = calendar.NewPeriodSet([]calendar.Interval{{From: all.From, To: spans[0].To}})
	case t.Op == ">":
		set = calendar.NewPeriodSet([]calendar.Interval{{From: spans[0].To, To: all.To}})
	case t.Op == ">=":
		set = calendar.NewPeriodSet([]calendar.Interval{{From: spans[0].From, To: all.To}})
	default:
		set = calendar.NewPeriodSet([]calendar.Interval{{From: spans[0].From, To: spans[1].To}})
	}
	if t.Not {
		set = w.literals.complement(set)
	}
	return parts{periods: &set}, nil
}
