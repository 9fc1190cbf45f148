package aggregate

import (
	"math/big"

	"github.com/weirdata/weir/catalog/decimal"
)

// AvgPlaces is the number of places after the point that averages and statistics are
// written to, halves rounded away from zero.
const AvgPlaces = 12

// Quantity is an exact figure: Value, or with Root the signed square root of it. The zero
// Quantity is NULL.
type Quantity struct {
	Value *big.Rat
	Root  bool
	Half  *big.Rat    // half-width of its 95 % interval; nil: it carries no noise, or none is stated
	Can   [2]*big.Rat // least and greatest that the exact figure can be; nil: not known. Of use beside Half alone
	Bound [2]*big.Rat // of a quantile: between what the reading at its rank lies
}

// Null reports whether there is no figure.
func (q Quantity) Null() bool { return q.Value == nil }

// root is the square root, NULL of a negative figure.
func (q Quantity) root() Quantity {
	if q.Null() || q.Value.Sign() < 0 {
		return Quantity{}
	}
	return Quantity{Value: q.Value, Root: true}
}

// over is the figure divided by a public number that is not 0.
func (q Quantity) over(divisor *big.Rat) Quantity {
	if q.Null() {
		return q
	}
	out := Quantity{Value: new(big.Rat).Quo(q.Value, divisor)}
	if q.Half != nil {
		out.Half = new(big.Rat).Quo(q.Half, new(big.Rat).Abs(divisor))
	}
	if q.Can[0] != nil {
		out.Can = [2]*big.Rat{new(big.Rat).Quo(q.Can[0], divisor), new(big.Rat).Quo(q.Can[1], divisor)}
		if divisor.Sign() < 0 {
			out.Can[0], out.Can[1] = out.Can[1], out.Can[0]
		}
	}
	return out
}

// Round is the figure rounded to so many places, halves away from zero, without its bounds. Of
// a root it is a number that is none any more. Its interval is wider by what rounding moves it.
func (q Quantity) Round(places int) Quantity {
	if q.Null() {
		return q
	}
	rounded, _ := new(big.Rat).SetString(q.Text(places)) // a decimal
	out := Quantity{Value: rounded}
	if q.Half != nil {
		out.Half = new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), powerOfTen(places)))
		out.Half.Add(out.Half, q.Half)
	}
	return out
}

// Compare orders quantities of one function; NULL is the greatest. The signed root is
// monotone, so roots compare by what they are roots of.
func (q Quantity) Compare(o Quantity) int {
	switch {
	case q.Null() && o.Null():
		return 0
	case q.Null():
		return 1
	case o.Null():
		return -1
	}
	return q.Value.Cmp(o.Value)
}

// Against compares a figure that is not NULL with a number.
func (q Quantity) Against(number *big.Rat) int {
	if !q.Root {
		return q.Value.Cmp(number)
	}
	square := new(big.Rat).Mul(number, new(big.Rat).Abs(number))
	return q.Value.Cmp(square)
}

// Text is the figure to so many places, halves rounded away from zero.
func (q Quantity) Text(places int) string {
	if !q.Root {
		return q.Value.FloatString(places)
	}
	return rootText(q.Value, places)
}

// Interval is Half to so many places, rounded up.
func (q Quantity) Interval(places int) string {
	return ceilingText(q.Half, places)
}

// Possible are the ends of the part of the 95 % interval that is possible, to so many places,
// rounded outwards; not cut where all of it is, or nothing is known. It covers the exact figure
// whenever the whole interval does, since that is possible. Where no part is, both ends are
// those of what is possible next to the interval.
func (q Quantity) Possible(places int) (low, high string, cut bool) {
	if q.Null() || q.Half == nil || q.Can[0] == nil {
		return "", "", false
	}
	from, to := new(big.Rat).Sub(q.Value, q.Half), new(big.Rat).Add(q.Value, q.Half)
	if from.Cmp(q.Can[0]) >= 0 && to.Cmp(q.Can[1]) <= 0 {
		return "", "", false
	}
	within := func(v *big.Rat) *big.Rat {
		switch {
		case v.Cmp(q.Can[0]) < 0:
			return q.Can[0]
		case v.Cmp(q.Can[1]) > 0:
			return q.Can[1]
		}
		return v
	}
	return floorText(within(from), places), ceilingText(within(to), places), true
}

// floorText writes v to so many places, rounded down.
func floorText(v *big.Rat, places int) string {
	num := new(big.Int).Mul(v.Num(), powerOfTen(places))
	return decimal.Fixed(num.Div(num, v.Denom()), places) // Euclidean, of a positive divisor: down
}

// ceilingText writes v to so many places, rounded up.
func ceilingText(v *big.Rat, places int) string {
	num := new(big.Int).Neg(new(big.Int).Mul(v.Num(), powerOfTen(places)))
	num.Div(num, v.Denom())
	return decimal.Fixed(num.Neg(num), places)
}

// rootText writes the signed square root of v to so many places, exactly rounded,
// halves away from zero: of twice the root, in units of the last place, the whole
// part decides, and that of a root is the root of the whole part.
func rootText(v *big.Rat, places int) string {
	scaled := new(big.Int).Mul(v.Num(), powerOfTen(2*places))
	scaled.Abs(scaled).Mul(scaled, big.NewInt(4))
	twice := scaled.Sqrt(scaled.Quo(scaled, v.Denom()))
	rounded := twice.Rsh(twice.Add(twice, big.NewInt(1)), 1)
	if v.Sign() < 0 {
		rounded.Neg(rounded)
	}
	return decimal.Fixed(rounded, places)
}

// ratOf is n·10^-decimals.
func ratOf(n *big.Int, decimals int) *big.Rat {
	return new(big.Rat).SetFrac(n, powerOfTen(decimals))
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
