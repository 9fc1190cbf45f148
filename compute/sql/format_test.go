package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/aggregate"
)

// Format writes a compiled query as SQL in canonical form. Compiled again, it must
// give the same request (but for the SQL that rides along), outputs and order: tests
// and fuzz targets hold the compiler to that.
func Format(c *Compiled, s Schema) string {
	f := formatter{newScope(s)}
	req := &c.Request
	var items []string
	for _, o := range c.Output {
		text, bare := "", ""
		if o.Bucket > 1 {
			continue // the columns of a histogram are one item
		}
		switch o.Kind {
		case OutputExpression:
			figure := func(o Output) string { return f.figure(req.Select[o.Index], o) }
			text = exprText(*o.Expr, figure, func(e Expr) string { return f.cases(c, e) })
			bare = exprText(*o.Expr, func(o Output) string { return f.outputText(req.Select[o.Index], o) }, caseWord)
		case OutputAggregate:
			text, bare = f.figure(req.Select[o.Index], o), f.outputText(req.Select[o.Index], o)
		default:
			text, bare = f.dimension(req.By[o.Index]), f.dimensionText(req.By[o.Index])
		}
		if o.Name != bare {
			bucket := ""
			if o.Bucket > 0 {
				bucket = bucketText(s.Descriptor.MeasureNamed(req.Select[o.Index].Measure), o.Bucket)
			}
			text += " AS " + writable(strings.TrimSuffix(o.Name, bucket))
		}
		items = append(items, text)
	}
	out := "SELECT " + strings.Join(items, ", ") + " FROM " + writable(req.Dataset)
	if req.Join != nil {
		out += " JOIN " + writable(req.Join.Dataset) + " USING (entity, period)"
	}
	var where []string
	if req.Where != nil {
		where = append(where, f.predicate(*req.Where, req.Where.Op == catalog.OpOr))
	}
	if req.In != "" {
		where = append(where, "entity IN PRIVATE("+writable(f.vectorName(req.In))+")")
	}
	if req.Periods != nil {
		where = append(where, f.periods(req.Periods))
	}
	if where != nil {
		out += " WHERE " + strings.Join(where, " AND ")
	}
	var by []string
	for _, d := range req.By {
		by = append(by, f.dimension(d))
	}
	if by != nil {
		out += " GROUP BY " + strings.Join(by, ", ")
	}
	if c.Having != nil {
		out += " HAVING " + f.having(c, c.Having, false)
	}
	var order []string
	for _, o := range c.Order {
		order = append(order, fmt.Sprint(o.Output+1)+map[bool]string{true: " DESC"}[o.Desc])
	}
	if order != nil {
		out += " ORDER BY " + strings.Join(order, ", ")
	}
	if c.Limit != nil {
		out += fmt.Sprintf(" LIMIT %d", *c.Limit)
	}
	return out
}

type formatter struct{ *scope }

// quoteText writes a text as a literal.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (f formatter) aggregate(a catalog.Aggregate) string {
	if a.Weight != "" {
		return f.weightedText(a, writable(a.Measure))
	}
	if a.Func == catalog.FuncProduct {
		return f.productText(a)
	}
	if a.Measure == "" {
		return a.Func + "(*)"
	}
	return a.Func + "(" + writable(a.Measure) + ")"
}

func (f formatter) dimension(d catalog.Dimension) string {
	switch d.Kind {
	case catalog.DimEntity:
		return "entity"
	case catalog.DimAttribute:
		return writable(d.Column)
	}
	return f.dimensionText(d)
}

var operatorText = map[string]string{catalog.OpLt: "<", catalog.OpLe: "<=", catalog.OpGt: ">", catalog.OpGe: ">="}

func (f formatter) predicate(p catalog.Predicate, parentheses bool) string {
	column := "entity"
	if p.Column != "" {
		column = writable(p.Column)
	}
	switch p.Op {
	case catalog.OpAnd, catalog.OpOr:
		var args []string
		for _, a := range p.Args {
			args = append(args, f.predicate(a, a.Op == catalog.OpAnd || a.Op == catalog.OpOr))
		}
		text := strings.Join(args, " "+strings.ToUpper(p.Op)+" ")
		if parentheses {
			return "(" + text + ")"
		}
		return text
	case catalog.OpNot:
		return "NOT " + f.predicate(p.Args[0], true)
	case catalog.OpIn:
		if len(p.Values) == 1 {
			return column + " = " + quoteText(p.Values[0])
		}
		var values []string
		for _, v := range p.Values {
			values = append(values, quoteText(v))
		}
		return column + " IN (" + strings.Join(values, ", ") + ")"
	}
	return column + " " + operatorText[p.Op] + " " + quoteText(p.Values[0])
}

// periods writes intervals in the dataset's own grain.
func (f formatter) periods(list []calendar.Interval) string {
	grain, all := f.literals.grain, f.literals.all
	var arms []string
	for _, i := range list {
		switch {
		case i.From <= all.From && i.To >= all.To:
			arms = append(arms, periodName+" >= "+quoteText(grain.Format(all.From)))
		case i.From <= all.From:
			arms = append(arms, periodName+" < "+quoteText(grain.Format(i.To)))
		case i.To >= all.To:
			arms = append(arms, periodName+" >= "+quoteText(grain.Format(i.From)))
		case i.To == i.From+1:
			arms = append(arms, periodName+" = "+quoteText(grain.Format(i.From)))
		default:
			arms = append(arms, periodName+" BETWEEN "+quoteText(grain.Format(i.From))+" AND "+quoteText(grain.Format(i.To-1)))
		}
	}
	if len(arms) == 1 {
		return arms[0]
	}
	return "(" + strings.Join(arms, " OR ") + ")"
}

// having writes a condition as SQL.
func (f formatter) having(c *Compiled, h *Having, parentheses bool) string {
	switch h.Op {
	case catalog.OpNot:
		return "NOT " + f.having(c, &h.Args[0], true)
	case catalog.OpAnd, catalog.OpOr:
		var args []string
		for i := range h.Args {
			args = append(args, f.having(c, &h.Args[i], true))
		}
		text := strings.Join(args, " "+strings.ToUpper(h.Op)+" ")
		if parentheses {
			return "(" + text + ")"
		}
		return text
	}
	sign := map[string]string{OpEQ: "=", OpNE: "<>", catalog.OpLt: "<", catalog.OpLe: "<=", catalog.OpGt: ">", catalog.OpGe: ">="}[h.Op]
	if h.Of.Kind == OutputExpression {
		i := slices.IndexFunc(c.Output, func(o Output) bool { return o.Expr == h.Of.Expr })
		return writable(c.Output[i].Name) + " " + sign + " " + h.Number
	}
	return f.figure(c.Request.Select[h.Of.Index], *h.Of) + " " + sign + " " + h.Number
}

// cases writes a CASE as SQL.
func (f formatter) cases(c *Compiled, e Expr) string {
	branch := func(e Expr) string {
		return exprText(e, func(o Output) string { return f.figure(c.Request.Select[o.Index], o) }, func(e Expr) string { return f.cases(c, e) })
	}
	text := "CASE"
	for i := range e.When {
		text += " WHEN " + f.having(c, &e.When[i], false) + " THEN " + branch(e.Args[i])
	}
	if len(e.Args) > len(e.When) {
		text += " ELSE " + branch(e.Args[len(e.When)])
	}
	return text + " END"
}

// productText writes a product as SQL.
func (f formatter) productText(a catalog.Aggregate) string {
	dataset, measure, _ := strings.Cut(a.Other, ".")
	return "sum(" + writable(f.schema.Descriptor.Dataset) + "." + writable(a.Measure) + " * " + writable(dataset) + "." + writable(measure) + ")"
}

// figure writes a figure as SQL.
func (f formatter) figure(a catalog.Aggregate, o Output) string {
	text := f.aggregate(a)
	switch {
	case a.Func == catalog.FuncProduct:
	case a.Other != "":
		first, second := a.Measure, a.Other
		if o.Argument == second {
			first, second = second, first
		}
		text = o.Form + "(" + writable(first) + ", " + writable(second) + ")"
	case o.Form == aggregate.FormEntities:
		text = "COUNT(DISTINCT entity)"
	case o.Form != "" && o.Argument != "":
		text = o.Form + "(" + writable(a.Measure) + ", " + quoteText(o.Argument) + ")"
	case o.Form != "":
		text = o.Form + "(" + writable(a.Measure) + ")"
	}
	if o.Relative != "" {
		return o.Relative + "(" + text + ")"
	}
	return text
}
