package caps

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "math/big", "github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/decimal")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 0) }

func TestACapIsANumberWithinTheRange(t *testing.T) {
	m := catalog.Measure{Name: "nox", Min: -50, Max: 1000, Decimals: 1}
	for text, want := range map[string]int64{
		"12": 120, "12.39": 123, "0": 0, "-1.01": -11, "100": 1000, "100.1": 1000, "99999999999999999999999": 1000, "-6": -50, "-5.0": -50,
		"": 1000, "a lot": 1000, "1e1": 1000, "12,3": 1000,
	} {
		if got := Of(m, text); got != want {
			t.Errorf("%q is a cap of %d, want %d", text, got, want)
		}
	}
}

// Of every two readings that an entity may have, of every kind of column, what the cell adds is
// no farther apart than Width says, and some two are as far.
func TestWidthIsNoLessThanAnyTwoReadingsAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (catalog.Measure, int64) {
			m := catalog.Measure{Name: name, Min: rapid.Int64Range(-12, 6).Draw(t, name+" from")}
			m.Max = m.Min + rapid.Int64Range(1, 14).Draw(t, name+" to")
			return m, rapid.Int64Range(m.Min, m.Max).Draw(t, name+" cap")
		}
		x, capX := draw("x")
		y, capY := draw("y")
		for what, k := range map[string]struct {
			column catalog.Column
			adds   func(a, b int64) int64
		}{
			"sum":     {catalog.Column{Measure: "x"}, func(a, _ int64) int64 { return a - x.Mid() }},
			"square":  {catalog.Column{Measure: "x", Times: "x"}, func(a, _ int64) int64 { return (a - x.Mid()) * (a - x.Mid()) }},
			"product": {catalog.Column{Measure: "x", Times: "y"}, func(a, b int64) int64 { return (a - x.Mid()) * (b - y.Mid()) }},
		} {
			var values []int64
			for a := x.Min; a <= capX; a++ {
				for b := y.Min; b <= capY; b++ {
					values = append(values, k.adds(a, b))
				}
			}
			least, most := values[0], values[0]
			for _, v := range values {
				least, most = min(least, v), max(most, v)
			}
			width := Width(k.column, x, y, capX, capY)
			apart := big.NewInt(most - least)
			// Of squares the reading nearest the middle may be half a unit from it.
			if width.Cmp(apart) < 0 || what != "square" && width.Cmp(apart) != 0 {
				t.Fatalf("%s of %v to %d and %v to %d: %d apart, width %d", what, x, capX, y, capY, apart, width)
			}
		}
	})
}
