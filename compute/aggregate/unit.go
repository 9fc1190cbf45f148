package aggregate

import (
	"strings"

	"github.com/weirdata/weir/catalog"
)

// SquaredUnit is the unit of squares.
func SquaredUnit(unit string) string {
	if unit == "" {
		return ""
	}
	return "(" + unit + ")²"
}

// ProductUnit is the unit of products.
func ProductUnit(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + " · " + b
}

func unitOfX(x, _ catalog.Measure) string     { return x.Unit }
func squaredUnit(x, _ catalog.Measure) string { return SquaredUnit(x.Unit) }
func productUnit(x, y catalog.Measure) string { return ProductUnit(x.Unit, y.Unit) }

// weightedUnit is that of sums of readings, or of readings times the weights of that name.
func weightedUnit(x, y catalog.Measure) string {
	if x.Name == "" || y.Name == "" {
		return x.Unit
	}
	return strings.TrimSpace(x.Unit + " × " + y.Name)
}

func quotientUnit(x, y catalog.Measure) string {
	a, b := x.Unit, y.Unit
	switch {
	case a == b:
		return ""
	case b == "":
		return a
	case a == "":
		return "1 / (" + b + ")"
	}
	return a + " / (" + b + ")"
}

// bothPlaces are the decimals of x, or of a product with y.
func bothPlaces(x, y catalog.Measure) int { return x.Decimals + y.Decimals }
