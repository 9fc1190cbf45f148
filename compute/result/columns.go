package result

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/sql"
)

// ColumnsOf are the columns that the result of a query will have, without their units: what is known of it before it is
// asked. A query that came from elsewhere is checked by NewTable alone.
func ColumnsOf(c *sql.Compiled) []Column {
	out := []Column{}
	for _, o := range c.Output {
		kind := TypeDecimal
		switch o.Kind {
		case sql.OutputDimension:
			if kind = TypeText; o.Index < len(c.Request.By) && c.Request.By[o.Index].Kind == catalog.DimPeriod {
				kind = TypePeriod
			}
		case sql.OutputCycle:
			if kind = TypeInteger; o.Index < len(c.Cycles) && sql.CycleNamed(c.Cycles[o.Index]).Whole() {
				kind = TypePeriod
			}
		case sql.OutputAggregate:
			if o.Index >= len(c.Request.Select) || o.Relative != "" {
				break
			}
			if f := aggregate.Of(c.Request.Select[o.Index].Func, o.Form); f != nil && f.Integer {
				kind = TypeInteger
			}
		case sql.OutputExpression:
			if o.Expr != nil && o.Expr.Textual() {
				kind = TypeText
			}
		}
		out = append(out, Column{Name: o.Name, Type: kind})
	}
	return out
}
