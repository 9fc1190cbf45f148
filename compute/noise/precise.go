package noise

import "math/big"

// Bounds and calibrations are computed with precision bits of software
// arithmetic: math/big rounds every operation correctly and alike everywhere,
// which hardware floats (fused multiply-add, assembly exp) do not. What leaves
// this file is wrong by less than 2^-200 of its value, and callers round by
// far more than that.
const precision = 320

func number(x int64) *big.Float { return newNumber().SetInt64(x) }

func newNumber() *big.Float { return new(big.Float).SetPrec(precision) }

func numberOf(x *big.Rat) *big.Float { return newNumber().SetRat(x) }

// negligible reports whether adding term to sum changes nothing.
func negligible(term, sum *big.Float) bool {
	return term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-precision-1
}

// expm1 returns e^y − 1 for 0 < y ≤ 1, accurate relative to its value.
func expm1(y *big.Float) *big.Float {
	sum, term := newNumber().Set(y), newNumber().Set(y)
	for n := int64(2); ; n++ {
		term.Quo(term.Mul(term, y), number(n))
		if negligible(term, sum) {
			return sum
		}
		sum.Add(sum, term)
	}
}

// exp returns e^x for x ≥ 0: e^(x/2^k), squared k times.
func exp(x *big.Float) *big.Float {
	if x.Sign() == 0 {
		return number(1)
	}
	k := max(x.MantExp(nil), 0)
	y := newNumber().SetMantExp(x, -k)
	e := y.Add(expm1(y), number(1))
	for range k {
		e.Mul(e, e)
	}
	return e
}

// atanh returns the inverse hyperbolic tangent of |z| ≤ 1/3.
func atanh(z *big.Float) *big.Float {
	if z.Sign() == 0 {
		return number(0)
	}
	square := newNumber().Mul(z, z)
	sum, power, term := newNumber().Set(z), newNumber().Set(z), newNumber()
	for n := int64(3); ; n += 2 {
		term.Quo(power.Mul(power, square), number(n))
		if negligible(term, sum) {
			return sum
		}
		sum.Add(sum, term)
	}
}

// ln returns the natural logarithm of x > 0, x = m·2^k with 1/2 ≤ m < 1, up to
// an absolute error of 2^-250 for |k| < 2^30.
func ln(x *big.Float) *big.Float {
	m := newNumber()
	k := x.MantExp(m)
	z := newNumber().Quo(newNumber().Sub(m, number(1)), newNumber().Add(m, number(1)))
	sum := newNumber().Mul(number(int64(k)), atanh(newNumber().Quo(number(1), number(3))))
	return sum.Mul(sum.Add(sum, atanh(z)), number(2))
}

// pow returns x^n for n ≥ 0.
func pow(x *big.Float, n *big.Int) *big.Float {
	result, square := number(1), newNumber().Set(x)
	for i := range n.BitLen() {
		if n.Bit(i) == 1 {
			result.Mul(result, square)
		}
		square.Mul(square, square)
	}
	return result
}

// slack returns x·(1 + 2^-150), above every value that x stands for.
func slack(x *big.Float) *big.Float {
	return newNumber().Add(x, newNumber().SetMantExp(x, -150))
}

// ceil returns the smallest integer ≥ x, x ≥ 0.
func ceil(x *big.Float) *big.Int {
	n, accuracy := x.Int(nil)
	if accuracy == big.Below {
		n.Add(n, one)
	}
	return n
}
