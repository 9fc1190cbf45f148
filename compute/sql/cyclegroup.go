package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
)

// Groups by a part of a period that comes again, such as the hour of the day. The ledger forms
// groups of single periods; the client joins those that are released, whose sums add up. So a
// policy allows such groups where it allows their single periods.

// text is what an output column of the cycle is called, stored how Compiled.Cycles has it.
func (y *Cycle) text() string {
	if y.Name == "DOW" || y.Name == "ISODOW" {
		return "extract(" + y.stored() + " from period)"
	}
	return y.stored() + "(period)"
}

func (y *Cycle) stored() string { return strings.ToLower(y.Name) }

// groups reports whether the output is what rows are formed by.
func (o Output) groups() bool { return o.Kind == OutputDimension || o.Kind == OutputCycle }

// cycleOf is the cycle that a call takes of period; nil: it is another call.
func (sc *scope) cycleOf(v *value) (*Cycle, *Error) {
	if v.Call == nil || !isDatePart(v.Name) {
		return nil, nil
	}
	part, fault := sc.partOf(v.Name, v.Call)
	if fault != nil {
		return nil, fault
	}
	y := CycleNamed(part)
	if own := sc.schema.Descriptor.Grain; y != nil && !own.Nests(y.Grain) {
		return nil, faultAt(v.Name.Pos, v.Name.Raw, "the dataset has one period %s, which lies in no one %s", own.One(), y.Grain).want(sc.quotedGrains()...)
	}
	return y, nil
}

// groupCycle is the number of the cycle that an element of GROUP BY is, which names an output
// column or none; −1: it is a dimension.
func (c *compiler) groupCycle(v *value, named *Output) (int, *Error) {
	switch {
	case named != nil && named.Kind == OutputCycle:
		return named.Index, nil
	case named != nil:
		return -1, nil
	}
	y, fault := c.cycleOf(v)
	if y == nil {
		return -1, fault
	}
	pos, raw := v.place()
	c.text.at("by", pos, raw)
	return add(&c.out.Cycles, y.stored()), nil
}

// joinByCycles groups by the single periods that the cycles join.
func (c *compiler) joinByCycles() *Error {
	if len(c.out.Cycles) == 0 {
		return nil
	}
	req := &c.out.Request
	finest := c.cycle(0).Grain
	for i := range c.out.Cycles {
		if g := c.cycle(i).Grain; g.Finer(finest) {
			finest = g
		}
	}
	if i := slices.IndexFunc(req.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod }); i >= 0 {
		pos, raw := c.stmt.Group[len(c.stmt.Group)-1].place()
		return faultAt(pos, raw, "periods are grouped twice, by %s and %s", c.dimensionText(req.By[i]), c.cycle(0).text()).want("one of them")
	}
	req.By = append(req.By, catalog.Dimension{Kind: catalog.DimPeriod, Grain: finest})
	pos, raw := c.stmt.Group[len(c.stmt.Group)-1].place()
	c.text.at("by", pos, raw) // where no call says it: by an alias, or a position
	at := c.text.fields["by"]
	c.text.at(fmt.Sprintf("by[%d]", len(req.By)-1), at.pos, at.raw)
	return nil
}

func (c *compiler) cycle(i int) *Cycle { return CycleNamed(c.out.Cycles[i]) }

// joinable refuses figures of joined periods that do not follow from those of each.
func (c *compiler) joinable() *Error {
	if len(c.out.Cycles) == 0 {
		return nil
	}
	pos, raw := c.stmt.Group[len(c.stmt.Group)-1].place()
	for _, o := range c.out.Figures() {
		if o.Form == aggregate.FormEntities {
			return faultAt(pos, raw, "an entity with readings in several of the periods that %s joins would be counted in each", c.cycle(0).text()).
				want("COUNT(*)", "GROUP BY date_trunc('grain', period)")
		}
	}
	for i, o := range c.out.Output {
		if len(o.Expr.indices()) > 0 {
			pos, raw := c.origins[i].place()
			return faultAt(pos, raw, "an index is of one period, and %s joins several", c.cycle(0).text()).want("GROUP BY date_trunc('day', period)")
		}
	}
	return nil
}

// CheckNoise refuses noise in sums that the client adds up: there would be as much of it as
// there are periods.
func (c *Compiled) CheckNoise(n *catalog.Noise) error {
	if n == nil || len(c.Cycles) == 0 {
		return nil
	}
	return c.text.fields["by"].fault("each period that is joined would bring its own noise").
		want("a condition, such as hour(period) BETWEEN 7 AND 9, on the periods of one figure", "date_trunc('grain', period)")
}
