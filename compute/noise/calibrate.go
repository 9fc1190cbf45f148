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
// 14), and ρ-zCDP implies (ρ + 2√(ρ·ln(1/δ)), δ) for every δ (Bun and Steinke
// 2016, proposition 1.3). Solved for ε,
//
//	σ² = l2squared · (√(ln(1/δ)+ε) + √ln(1/δ))² / 2ε²,
//
// in which every step is rounded up, the result to a multiple of 10^-6: never
// too little noise, and no more than 10^-6 too much. (A tighter accounting of
// the same noise would allow some 10 to 20 % less variance; this bound is
// short enough to check by hand.)
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
	l := ln(numberOf(new(big.Rat).Inv(delta)))
	l.Add(l, newNumber().SetMantExp(number(1), -200)) // ln errs by an absolute 2^-250
	l = slack(l)

	root := newNumber().Add(newNumber().Sqrt(newNumber().Add(l, numberOf(epsilon))), newNumber().Sqrt(l))
	variance := newNumber().Mul(root, root)
	variance.Mul(variance, newNumber().SetInt(l2squared))
	eps := numberOf(epsilon)
	variance.Quo(variance, newNumber().Mul(number(2), newNumber().Mul(eps, eps)))

	places := powerOfTen(variancePlaces)
	variance.Mul(slack(variance), newNumber().SetInt(places))
	return new(big.Rat).SetFrac(ceil(variance), places), nil
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
