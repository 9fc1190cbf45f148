package noise

import (
	"fmt"
	"math/big"
)

// maxLog2P bounds how small a tail probability may be asked for.
const maxLog2P = 1024

// Tail returns a bound m on the noise of the given number of nodes together:
// P(|sum of their noise| > m) ≤ 2^-log2p, 1 ≤ log2p ≤ 1024. A plan asks for
// 2^-60 and keeps the largest magnitude plus m below T/2; with G released
// numbers, the probability that any exceeds its bound is at most G times that.
//
// For Laplace noise m is the smallest such bound, from the exact distribution.
// For Gaussian noise it is the smallest that Chernoff's inequality gives,
// 4 % above the smallest at 2^-60.
func Tail(l Law, nodes, log2p int) (*big.Int, error) {
	if err := l.checkSum(nodes); err != nil {
		return nil, err
	}
	if log2p < 1 || log2p > maxLog2P {
		return nil, fmt.Errorf("%w: tail probability 2^-%d, not 2^-1 to 2^-%d", ErrQuery, log2p, maxLog2P)
	}
	if l.kind == KindGaussian {
		return gaussianTail(l.param, nodes, log2p), nil
	}
	return newLaplaceSum(l.param, nodes).bound(newNumber().SetMantExp(number(1), -log2p)), nil
}

// Interval95 returns the half-width h of a symmetric 95 % interval of the noise
// of the given number of nodes together: P(|sum of their noise| ≤ h) ≥ 0.95.
// It is the smallest such h for Laplace noise and for Gaussian noise below
// σ² = 16, and at most one above the smallest for wider Gaussian noise.
func Interval95(l Law, nodes int) (*big.Int, error) {
	if err := l.checkSum(nodes); err != nil {
		return nil, err
	}
	if l.kind == KindGaussian {
		return gaussianInterval(l.param, nodes), nil
	}
	return newLaplaceSum(l.param, nodes).bound(numberOf(big.NewRat(1, 20))), nil
}

// Variance returns the variance of the noise of the given number of nodes
// together, to 200 bits and more.
func Variance(l Law, nodes int) (*big.Float, error) {
	if err := l.checkSum(nodes); err != nil {
		return nil, err
	}
	var single *big.Float
	if l.kind == KindGaussian {
		single = gaussianVariance(l.param)
	} else {
		single = newLaplaceSum(l.param, 1).variance()
	}
	return single.Mul(single, number(int64(nodes))), nil
}
