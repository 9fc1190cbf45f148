package query

import (
	"math/big"
)

// quantity is an exact figure: value, or with root the signed square root of it.
// All arithmetic before it is rational; rounding happens once, when it is printed.
// The zero quantity is NULL.
type quantity struct {
	value *big.Rat
	root  bool
	half  *big.Rat    // half-width of its 95 % interval; nil: it carries no noise, or none is stated
	bound [2]*big.Rat // of a quantile: between what the reading at its rank lies
}

func (q quantity) null() bool { return q.value == nil }

// compare orders quantities of one form; NULL is the greatest. The signed root is
// monotone, so roots compare by what they are roots of.
func (q quantity) compare(o quantity) int {
	switch {
	case q.null() && o.null():
		return 0
	case q.null():
		return 1
	case o.null():
		return -1
	}
	return q.value.Cmp(o.value)
}

// against compares with a number.
func (q quantity) against(number *big.Rat) int {
	if !q.root {
		return q.value.Cmp(number)
	}
	square := new(big.Rat).Mul(number, new(big.Rat).Abs(number))
	return q.value.Cmp(square)
}

// text is the quantity to so many places, halves rounded away from zero.
func (q quantity) text(places int) string {
	if !q.root {
		return q.value.FloatString(places)
	}
	return rootText(q.value, places)
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
	return decimalText(rounded, places)
}

// ratOf is n·10^-decimals.
func ratOf(n *big.Int, decimals int) *big.Rat {
	return new(big.Rat).SetFrac(n, powerOfTen(decimals))
}

// over is a/b.
func over(a, b *big.Int) *big.Rat { return new(big.Rat).SetFrac(a, b) }
