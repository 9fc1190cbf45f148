package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/aggregate"
)

// Groups by a part of a period that comes again, such as the hour of the day. The ledger forms
// groups of single periods; the client joins those that are released, whose sums add up. So a
// policy allows such groups where it allows their single periods.

// text is what an output column of the cycle is called, stored how Compiled.Cycles has it.
func (y *Cycle) text() string {
	if y.Whole() {
		return fmt.Sprintf("date_trunc('%s', period)", y.Grain)
	}
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
	y := cycleOfPart(part)
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

// joinByCycles groups by the single periods that the cycles join. A group of whole periods beside
// them becomes one of the cycles.
func (c *compiler) joinByCycles() *Error {
	if len(c.out.Cycles) == 0 {
		return nil
	}
	req := &c.out.Request
	period := slices.IndexFunc(req.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod })
	if period >= 0 {
		at := add(&c.out.Cycles, wholePeriods(req.By[period].Grain))
		for i, o := range c.out.Output {
			if o.Kind == OutputDimension && o.Index == period {
				c.out.Output[i].Kind, c.out.Output[i].Index = OutputCycle, at
			}
		}
	}
	first := c.cycle(0)
	for i := range c.out.Cycles {
		if y := c.cycle(i); y.Grain.Finer(first.Grain) {
			first = y
		}
	}
	finest := first.Grain
	for i := range c.out.Cycles {
		if y := c.cycle(i); !finest.Nests(y.Grain) {
			pos, raw := c.stmt.Group[len(c.stmt.Group)-1].place()
			return faultAt(pos, raw, "periods are grouped by %s and %s, and a %s lies in no one %s", first.text(), y.text(), finest, y.Grain).want("one of them")
		}
	}
	if period >= 0 {
		req.By[period].Grain = finest
		return nil
	}
	period = len(req.By)
	req.By = append(req.By, catalog.Dimension{Kind: catalog.DimPeriod, Grain: finest})
	pos, raw := c.stmt.Group[len(c.stmt.Group)-1].place()
	c.text.at("by", pos, raw) // where no call says it: by an alias, or a position
	at := c.text.fields["by"]
	c.text.at(fmt.Sprintf("by[%d]", period), at.pos, at.raw)
	return nil
}

// wholePeriods is how groups of the periods of a grain are stored.
func wholePeriods(g calendar.Grain) string { return whole + string(g) }

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
			pos, raw := c.columns.origins[i].place()
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
