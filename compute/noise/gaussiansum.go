package noise

import (
	"math/big"
	"math/bits"
)

// About the sum S of t independent discrete Gaussians with parameter σ²:
//
// Tails. E exp(aX) = e^{a²σ²/2}·Σ exp(−(x−aσ²)²/2σ²) / Σ exp(−x²/2σ²), and the
// quotient is at most 1 (by Poisson summation a Gaussian summed over a shifted
// lattice is largest unshifted). So S has the moment generating function of a
// normal variable of variance tσ² as its bound, and Chernoff gives
// P(|S| ≥ m) ≤ 2·exp(−m²/2tσ²).
//
// Intervals. From σ² = 16 on, P(S = k) is proportional to exp(−k²/2tσ²) times
// a factor that depends on k mod t alone, and by Poisson summation over the
// dual of the lattice A_{t−1} (shortest vector² ≥ 1/2) is within 2^-200 of 1.
// So S is discrete Gaussian itself, and P(S > h) ≤ P(Normal(0, tσ²) > h): the
// sum over k > h of a falling density is below its integral from h, and the
// sum over all k is at least 1. Below σ² = 16 the distribution is added up.

var minNormal = big.NewRat(16, 1)

// gaussianTail returns the smallest m for which the Chernoff bound of
// P(|S| > m) is at most 2^-log2p: m + 1 ≥ √(2tσ²·(log2p + 1)·ln 2).
func gaussianTail(sigma2 *big.Rat, t, log2p int) *big.Int {
	v := newNumber().Mul(numberOf(sigma2), number(2*int64(t)*int64(log2p+1)))
	v.Mul(v, ln(number(2)))
	m := ceil(slack(newNumber().Sqrt(v)))
	return m.Sub(m, one)
}

// normal975 is the 97.5 % point of the standard normal distribution, rounded
// up in its 18th place: 1.95996398454005423552…
var normal975 = big.NewRat(1959963984540054236, 1e18)

// gaussianInterval returns a half-width h with P(|S| ≤ h) ≥ 0.95.
func gaussianInterval(sigma2 *big.Rat, t int) *big.Int {
	if sigma2.Cmp(minNormal) < 0 {
		return narrowInterval(sigma2, t)
	}
	deviation := newNumber().Sqrt(newNumber().Mul(numberOf(sigma2), number(int64(t))))
	return ceil(slack(deviation.Mul(deviation, numberOf(normal975))))
}

// gaussianVariance returns the variance of one sample: σ² up to 2^-200 from
// σ² = 16 on, less below.
func gaussianVariance(sigma2 *big.Rat) *big.Float {
	if sigma2.Cmp(minNormal) >= 0 {
		return numberOf(sigma2)
	}
	sum := number(0)
	for x, p := range narrowMass(sigma2) {
		sum.Add(sum, newNumber().Mul(p, number(2*int64(x)*int64(x))))
	}
	return sum
}

// narrowMass returns P(X = x), x = 0, 1, …, for σ² < 16, to where it falls
// below 2^-128: at most 4·√(256·ln 2) < 54 values.
func narrowMass(sigma2 *big.Rat) []*big.Float {
	twice := numberOf(new(big.Rat).Mul(sigma2, big.NewRat(2, 1)))
	var weights []*big.Float
	total := number(-1) // every x but 0 counts for both signs
	for x := int64(0); ; x++ {
		w := newNumber().Quo(number(1), exp(newNumber().Quo(number(x*x), twice)))
		if w.MantExp(nil) < -128 {
			break
		}
		weights = append(weights, w)
		total.Add(total, newNumber().Mul(w, number(2)))
	}
	for _, w := range weights {
		w.Quo(w, total)
	}
	return weights
}

// fixedOne is probability 1 in the fixed-point numbers of narrowInterval.
const fixedOne = 1 << 62

// narrowInterval returns the smallest h with P(|S| ≤ h) ≥ 0.95, from the t-fold
// convolution in fixed point. Every step rounds down, and what is lost, below
// t·2^-52 in all, counts as outside: never too narrow.
func narrowInterval(sigma2 *big.Rat, t int) *big.Int {
	half := narrowMass(sigma2)
	reach := len(half) - 1
	single := make([]uint64, 2*reach+1)
	for x, p := range half {
		v, _ := newNumber().SetMantExp(newNumber().Quo(p, slack(number(1))), 62).Uint64()
		single[reach+x], single[reach-x] = v, v
	}
	sum := single
	for range t - 1 {
		sum = convolve(sum, single)
	}
	const wanted = fixedOne/20*19 + 19 // 0.95, rounded up
	centre := (len(sum) - 1) / 2
	inside := sum[centre]
	h := 0
	for inside < wanted && h < centre {
		h++
		inside += sum[centre-h] + sum[centre+h]
	}
	return big.NewInt(int64(h))
}

// convolve returns the distribution of a sum. Products add up to at most 2^124.
func convolve(a, b []uint64) []uint64 {
	out := make([]uint64, len(a)+len(b)-1)
	for k := range out {
		var hi, lo uint64
		for i := max(0, k-len(b)+1); i <= min(k, len(a)-1); i++ {
			h, l := bits.Mul64(a[i], b[k-i])
			var carry uint64
			lo, carry = bits.Add64(lo, l, 0)
			hi += h + carry
		}
		out[k] = hi<<2 | lo>>62
	}
	return out
}
