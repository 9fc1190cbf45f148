package result

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
)

// An index that was compiled elsewhere is refused where it is made of what it cannot be.
func TestIndicesFromElsewhereAreChecked(t *testing.T) {
	d := catalog.Descriptor{Measures: []catalog.Measure{
		{Name: "pm25", Unit: "µg/m³", Pollutant: "a34004", Max: 9}, {Name: "cars", Unit: "cars", Max: 9}, {Name: "tp", Unit: "mg/L", Pollutant: "w21011", Max: 9},
	}}
	c := &sql.Compiled{Request: catalog.Request{Select: []catalog.Aggregate{{Func: "avg", Measure: "pm25"}, {Func: "avg", Measure: "cars"}, {Func: "avg", Measure: "tp"}}}}
	figure := func(i int) sql.Expr {
		return sql.Expr{Op: sql.ExprFigure, Of: &sql.Output{Kind: sql.OutputAggregate, Index: i}}
	}
	for _, x := range []struct {
		e    sql.Expr
		want string // empty: none
	}{
		{sql.Expr{Op: sql.ExprIndex, Text: "aqi", Args: []sql.Expr{figure(0)}}, ""},
		{sql.Expr{Op: sql.ExprIndex, Text: "water_class", Args: []sql.Expr{figure(2)}}, ""},
		{sql.Expr{Op: sql.ExprIndex, Text: "aqi", Args: []sql.Expr{figure(1)}}, `AQI is not made of measure "cars"`},
		{sql.Expr{Op: sql.ExprIndex, Text: "aqi", Args: []sql.Expr{figure(2)}}, `AQI is not made of measure "tp"`},
		{sql.Expr{Op: sql.ExprIndex, Text: "aqi", Args: []sql.Expr{figure(7)}}, "something else than figures"},
		{sql.Expr{Op: sql.ExprIndex, Text: "aqi", Args: []sql.Expr{{Op: sql.ExprFigure}}}, "something else than figures"},
		{sql.Expr{Op: sql.ExprIndex, Text: "aqi", Args: []sql.Expr{{Op: sql.ExprNumber, Number: "1"}}}, "something else than figures"},
		{sql.Expr{Op: sql.ExprIndex, Text: "aqi"}, `"aqi" of 0 figures is no index`},
		{sql.Expr{Op: sql.ExprIndex, Text: "moon", Args: []sql.Expr{figure(0)}}, `"moon" of 1 figures is no index`},
		{sql.Expr{Op: sql.ExprAdd, Args: []sql.Expr{{Op: sql.ExprIndex, Text: "water_class", Args: []sql.Expr{figure(2)}}, figure(0)}}, "computes with a text"},
	} {
		err := checkExpr(&x.e, c, d, 9)
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v, want %q", x.e, err, x.want)
		}
	}
}
