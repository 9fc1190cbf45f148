package sql

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// Compile reads one query over the schema's dataset. Errors are *Error.
func Compile(sql string, s Schema) (*Compiled, error) {
	p, err := Parse(sql)
	if err != nil {
		return nil, err
	}
	return p.Compile(s)
}

// Compile compiles the query over the schema's dataset. Errors are *Error.
func (p *Parsed) Compile(s Schema) (*Compiled, error) {
	if !s.Descriptor.Grain.Valid() {
		return nil, fmt.Errorf("compiling a query on %q: its descriptor has no known grain (%q)", s.Descriptor.Dataset, s.Descriptor.Grain)
	}
	c := newCompiler(p, s)
	for _, step := range []func() *Error{c.from, c.items, c.groupBy, c.where, c.standards, c.oneVector, c.onePartition, c.having, c.joinable, c.orderBy, c.limit} {
		if fault := step(); fault != nil {
			if c.values.failed != nil {
				return nil, c.values.failed
			}
			return nil, fault
		}
	}
	sortSelect(&c.out)
	c.placed()
	c.out.text = c.text
	c.out.Request.Version = requestVersion
	c.out.Request.Dataset = s.Descriptor.Dataset
	if p.stmt.Join != nil {
		c.out.Request.Join = &catalog.Join{Dataset: s.Join.Dataset}
	}
	c.out.Request.SQL = p.sql
	return &c.out, nil
}

// compiler collects the parts of one Compiled: it reads the clauses, and the readers what stands in them.
type compiler struct {
	*scope
	stmt *statement
	sql  string
	text text
	out  Compiled
	in   *selector // that WHERE has; nil: none

	columns     *columns
	values      *registryValues
	figures     *figureReader
	expressions *expressionReader

	piecesAt *value // PIECE(name), the last one; nil: there is none
}

func newCompiler(p *Parsed, s Schema) *compiler {
	c := &compiler{scope: newScope(s), stmt: p.stmt, sql: p.sql}
	c.columns = &columns{scope: c.scope, out: &c.out}
	c.values = &registryValues{scope: c.scope}
	c.figures = &figureReader{scope: c.scope, asked: c.askedDays}
	c.expressions = &expressionReader{scope: c.scope, figures: c.figures, columns: c.columns, out: &c.out}
	return c
}

func (c *compiler) from() *Error {
	if _, ok := match(c.stmt.From, []string{c.schema.Descriptor.Dataset}); !ok {
		n := c.stmt.From
		return faultAt(n.Pos, n.Raw, "there is no dataset %s here", n.text()).among(n.text(), c.schema.Descriptor.Dataset)
	}
	return c.join()
}

// items reads the SELECT list.
func (c *compiler) items() *Error {
	req := &c.out.Request
	for _, it := range c.stmt.Items {
		if it.Of.First.Star && len(it.Of.Rest) == 0 && !it.Of.First.Minus {
			if c.schema.Descriptor.Policy.Public {
				return faultAt(it.Pos, "*", "readings are released as sums; the dataset is public, so a group may be of one").want(c.readings())
			}
			return faultAt(it.Pos, "*", "single readings are never released").want(append(c.dimensions(), aggregates...)...)
		}
		v := it.value()
		if v == nil || v.Call != nil && (nameIs(v.Name.text(), roundWord) || indexNamed(v.Name) != nil) {
			if fault := c.expression(it); fault != nil {
				return fault
			}
			continue
		}
		if v.Number != nil {
			return faultAt(it.Pos, v.Number.Raw, "a number is nothing to select").want(append(c.dimensions(), aggregates...)...)
		}
		if cycle, fault := c.cycleOf(v); fault != nil || cycle != nil {
			if fault == nil {
				fault = c.columns.show(it, Output{Name: cycle.text(), Kind: OutputCycle, Index: add(&c.out.Cycles, cycle.stored())})
			}
			if fault != nil {
				return fault
			}
			continue
		}
		if v.isDimension() {
			dim, fault := c.dimension(v)
			if fault != nil {
				return fault
			}
			if fault := c.columns.show(it, Output{Name: c.dimensionText(dim), Kind: OutputDimension, Index: add(&req.By, dim)}); fault != nil {
				return fault
			}
			continue
		}
		list, fault := c.figures.of(v)
		if fault != nil {
			return fault
		}
		for _, k := range list {
			k.output.Name, k.output.Index = c.outputText(k.aggregate, k.output), add(&req.Select, k.aggregate)
			if fault := c.columns.show(it, k.output); fault != nil {
				return fault
			}
		}
	}
	if len(req.Select) == 0 {
		it := c.stmt.Items[0]
		pos, raw := it.place()
		return faultAt(pos, raw, "the query selects no aggregate").want(aggregates...)
	}
	return nil
}

// add returns the index of v in list, appending it when it is new.
func add[T comparable](list *[]T, v T) int {
	if i := slices.Index(*list, v); i >= 0 {
		return i
	}
	*list = append(*list, v)
	return len(*list) - 1
}

// groupBy checks that every selected dimension is grouped by. Dimensions that
// are grouped by and not selected follow the selected ones.
func (c *compiler) groupBy() *Error {
	req := &c.out.Request
	selected := len(req.By)
	grouped := make([]bool, selected)
	joined := map[int]bool{}
	for _, v := range c.stmt.Group {
		named, fault := c.named(v)
		if fault != nil {
			return fault
		}
		cycle, fault := c.groupCycle(v, named)
		if fault != nil {
			return fault
		}
		if cycle >= 0 {
			joined[cycle] = true
			continue
		}
		dim, fault := c.groupDimension(v, named)
		if fault != nil {
			return fault
		}
		i := add(&req.By, dim)
		if i < selected {
			grouped[i] = true
		}
		pos, raw := v.place()
		c.text.at(fmt.Sprintf("by[%d]", i), pos, raw)
		if dim.Kind == catalog.DimPeriod {
			c.text.at("by", pos, raw)
		}
		if fault := c.onePeriod(v); fault != nil {
			return fault
		}
	}
	for i, o := range c.out.Output {
		if !o.groups() {
			for _, of := range o.figures() {
				if fault := checkRelative(&c.out, *of, c.columns.origins[i].name()); fault != nil {
					return fault
				}
			}
			continue
		}
		if o.Kind == OutputCycle && joined[o.Index] || o.Kind == OutputDimension && grouped[o.Index] {
			continue
		}
		text := o.Name
		if o.Kind == OutputDimension {
			text = c.dimensionText(req.By[o.Index])
		}
		n := c.columns.origins[i].name()
		return faultAt(n.Pos, n.Raw, "%s is neither aggregated nor in GROUP BY", text).want("GROUP BY " + text)
	}
	return c.joinByCycles()
}

// onePeriod refuses a second period dimension, v being the last one read.
func (c *compiler) onePeriod(v *value) *Error {
	var seen []string
	for _, d := range c.out.Request.By {
		if d.Kind == catalog.DimPeriod {
			seen = append(seen, c.dimensionText(d))
		}
	}
	if len(seen) < 2 {
		return nil
	}
	pos, raw := v.place()
	return faultAt(pos, raw, "periods are grouped twice, by %s", strings.Join(seen, " and ")).want("one of them")
}

// named is the output column that an element of GROUP BY names, by its position in SELECT or
// its alias; nil: it stands for itself.
func (c *compiler) named(v *value) (*Output, *Error) {
	i := -1
	if v.Number != nil {
		var fault *Error
		if i, fault = c.columns.position(v.Number); fault != nil {
			return nil, fault
		}
	} else if v.Call == nil && c.resolve(v.Name).kind == refNone {
		i = aliased(v.Name, c.columns.aliases)
	}
	if i < 0 {
		return nil, nil
	}
	return &c.out.Output[i], nil
}

// groupDimension reads an element of GROUP BY that is a dimension, or names the column of one.
func (c *compiler) groupDimension(v *value, named *Output) (catalog.Dimension, *Error) {
	switch {
	case named == nil:
		return c.dimension(v)
	case named.Kind == OutputDimension:
		return c.out.Request.By[named.Index], nil
	case v.Number != nil:
		return catalog.Dimension{}, faultAt(v.Number.Pos, v.Number.Raw, "column %s is an aggregate", v.Number.Raw).want(c.dimensions()...)
	}
	return catalog.Dimension{}, faultAt(v.Name.Pos, v.Name.Raw, "%s is an aggregate", v.Name.text()).want(c.dimensions()...)
}

// orderBy reads ORDER BY over output columns: aliases, names, expressions as
// they stand in SELECT, or positions.
func (c *compiler) orderBy() *Error {
	for _, key := range c.stmt.Order {
		i, fault := c.outputOf(key.Value)
		if fault != nil {
			return fault
		}
		if !slices.ContainsFunc(c.out.Order, func(o Order) bool { return o.Output == i }) {
			c.out.Order = append(c.out.Order, Order{Output: i, Desc: key.Desc})
		}
	}
	return nil
}

func (c *compiler) outputOf(v *value) (int, *Error) {
	if v.Number != nil {
		return c.columns.position(v.Number)
	}
	if v.Call == nil {
		if i := aliased(v.Name, c.columns.aliases); i >= 0 {
			return i, nil
		}
	}
	want := Output{}
	cycle, fault := c.cycleOf(v)
	switch {
	case fault != nil:
		return 0, fault
	case cycle != nil:
		want = Output{Kind: OutputCycle, Index: slices.Index(c.out.Cycles, cycle.stored())}
	case !v.isDimension():
		list, fault := c.figures.of(v)
		if fault != nil {
			return 0, fault
		}
		if len(list) > 1 {
			return 0, faultAt(v.Name.Pos, v.Name.Raw, "a histogram is several columns").want("the number of one of them")
		}
		want = list[0].output
		want.Index = slices.Index(c.out.Request.Select, list[0].aggregate)
	case v.Call == nil && c.resolve(v.Name).kind == refNone:
		names := c.columns.names()
		return 0, faultAt(v.Name.Pos, v.Name.Raw, "there is no column %s in the result", v.Name.text()).among(v.Name.text(), names...)
	default:
		dim, fault := c.dimension(v)
		if fault != nil {
			return 0, fault
		}
		want = Output{Kind: OutputDimension, Index: slices.Index(c.out.Request.By, dim)}
		if at := slices.Index(c.out.Cycles, wholePeriods(dim.Grain)); dim.Kind == catalog.DimPeriod && at >= 0 {
			want = Output{Kind: OutputCycle, Index: at}
		}
	}
	for i, o := range c.out.Output {
		if o.Figure() == want {
			return i, nil
		}
	}
	return 0, faultAt(v.Name.Pos, v.Name.Raw, "ORDER BY works on the result, and this is not among its columns").want(c.columns.names()...)
}

const (
	limitTakes = "LIMIT takes a whole number that is not negative"
	limitForms = "a number from 0 to 1073741823"
)

func (c *compiler) limit() *Error {
	n := c.stmt.Limit
	if n == nil {
		return nil
	}
	limit, err := strconv.ParseInt(n.Raw, 10, 31)
	if err != nil {
		return faultAt(n.Pos, n.Raw, limitTakes).want(limitForms)
	}
	rows := int(limit)
	c.out.Limit = &rows
	return nil
}

// sortSelect puts the aggregates in the order of measure and function, so that
// the same figures asked for in another order are the same request.
func sortSelect(out *Compiled) {
	list := out.Request.Select
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b catalog.Aggregate) int {
		return cmp.Or(strings.Compare(a.Measure, b.Measure), strings.Compare(a.Func, b.Func), strings.Compare(a.Other, b.Other), strings.Compare(a.Weight, b.Weight))
	})
	for _, o := range out.Figures() {
		o.Index = slices.Index(sorted, list[o.Index])
	}
	out.Request.Select = sorted
}
