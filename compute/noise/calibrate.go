package noise

import (
	"fmt"
	"math/big"
)

// LaplaceScale returns the scale l1/ε that gives ε-differential privacy to a
// vector of integers whose L1 norm changes by at most l1 ≥ 1 when one entity's
// whole record is replaced, with discrete Laplace noise on every number. It is
// exact: |x| and |x + d| differ by at most |d|, so probabilities change by a
// factor of at most exp(Σ|d|/scale) = e^ε. Source: Ghosh, Roughgarden,
// Sundararajan 2009; Dwork et al. 2006, for the vector.
func LaplaceScale(l1 *big.Int, epsilon *big.Rat) (*big.Rat, error) {
	if err := checkSensitivity(l1, MaxScaleBits, "L1"); err != nil {
		return nil, err
	}
	if err := checkEpsilon(epsilon); err != nil {
		return nil, err
	}
	return new(big.Rat).Quo(new(big.Rat).SetInt(l1), epsilon), nil
}

// variancePlaces are the decimal places to which a variance is rounded up.
const variancePlaces = 6

// GaussianVariance returns a σ² that gives (ε, δ)-differential privacy to a
// vector of integers whose squared L2 norm changes by at most l2squared ≥ 1
// when one entity's whole record is replaced, with independent discrete
// Gaussian noise on every number.
//
// Discrete Gaussian noise is ρ-zCDP with ρ = l2squared/2σ² (CKS 2020, theorem
// 14), and ρ-zCDP implies (ε, δ) whenever for some α > 1
//
//	δ ≥ exp((α−1)(αρ−ε)) / (α−1) · (1 − 1/α)^α        (CKS 2020, corollary 13)
//
// or ε ≥ ρ + 2√(ρ·ln(1/δ)) (Bun and Steinke 2016, proposition 1.3). The larger
// ρ of both is used. Every step is rounded to the safe side, the result up to a
// multiple of 10^-6: never too little noise. Against the exact accounting of a
// single number it is 8 to 22 % more variance for δ from 1e-12 to 1e-5 (the
// second bound alone: 31 to 145 %).
func GaussianVariance(l2squared *big.Int, epsilon, delta *big.Rat) (*big.Rat, error) {
	if err := checkSensitivity(l2squared, 2*MaxScaleBits, "squared L2"); err != nil {
		return nil, err
	}
	if err := checkEpsilon(epsilon); err != nil {
		return nil, err
	}
	if err := checkDelta(delta); err != nil {
		return nil, err
	}
	if epsilon.Denom().BitLen() > maxParamBits || delta.Denom().BitLen() > maxParamBits {
		return nil, fmt.Errorf("%w: epsilon or delta has more than %d bits", ErrBudget, maxParamBits)
	}
	variance := newNumber().SetInt(l2squared)
	variance.Quo(variance, newNumber().Mul(number(2), concentration(epsilon, delta)))
	places := powerOfTen(variancePlaces)
	variance.Mul(slack(variance), newNumber().SetInt(places))
	return new(big.Rat).SetFrac(ceil(variance), places), nil
}

// concentration returns a ρ, rounded down, for which ρ-zCDP implies (ε, δ).
func concentration(epsilon, delta *big.Rat) *big.Float {
	eps := numberOf(epsilon)
	l := ln(numberOf(new(big.Rat).Inv(delta)))
	l.Add(l, newNumber().SetMantExp(number(1), -230)) // above what ln errs by

	// ρ = (√(l+ε) − √l)² = ε²/(√(l+ε) + √l)²
	root := newNumber().Add(newNumber().Sqrt(newNumber().Add(l, eps)), newNumber().Sqrt(l))
	best := newNumber().Quo(eps, slack(root))
	best.Mul(best, best)

	// Climb to the best a = α − 1 in ever smaller steps. Every a is sound, so
	// nothing hangs on finding the best.
	a := newNumber().Quo(newNumber().Mul(number(2), l), eps)
	if a.Cmp(minOrder) < 0 {
		a.Set(minOrder)
	}
	at := concentrationAt(a, eps, l)
	for step := 1; step <= 14; step++ {
		for _, factor := range [2]*big.Float{
			newNumber().Add(number(1), newNumber().SetMantExp(number(1), -step)),
			newNumber().Sub(number(1), newNumber().SetMantExp(number(1), -step)),
		} {
			for range 16 {
				next := newNumber().Mul(a, factor)
				value := concentrationAt(next, eps, l)
				if next.Cmp(minOrder) < 0 || value.Cmp(at) <= 0 {
					break
				}
				a, at = next, value
			}
		}
	}
	if at.Cmp(best) > 0 {
		best = at
	}
	return best.Quo(best, slack(number(1)))
}

// minOrder bounds α − 1 below, so that α/a does not magnify what ln errs by.
var minOrder = newNumber().SetMantExp(number(1), -4)

// concentrationAt solves corollary 13 for ρ, with a = α − 1 and l ≥ ln(1/δ):
// ρ = (ε − l/a − ln a + (α/a)·ln α)/α.
func concentrationAt(a, eps, l *big.Float) *big.Float {
	alpha := newNumber().Add(a, number(1))
	rho := newNumber().Mul(newNumber().Quo(alpha, a), ln(alpha))
	rho.Sub(rho, ln(a))
	rho.Sub(rho, newNumber().Quo(l, a))
	rho.Add(rho, eps)
	rho.Sub(rho, newNumber().SetMantExp(number(1), -230))
	return rho.Quo(rho, alpha)
}

func checkSensitivity(v *big.Int, maxBits int, norm string) error {
	switch {
	case v == nil:
		return fmt.Errorf("%w: %s sensitivity is missing", ErrBudget, norm)
	case v.Sign() <= 0:
		return fmt.Errorf("%w: %s sensitivity is %s, not at least 1", ErrBudget, norm, v)
	case v.BitLen() > maxBits:
		return fmt.Errorf("%w: %s sensitivity has %d bits, more than %d", ErrBudget, norm, v.BitLen(), maxBits)
	}
	return nil
}
