package noise

import (
	"fmt"
	"math/big"
)

// maxDecimals bounds the fixed-point places of a released number.
const maxDecimals = 18

// Description is what a result states about the noise of a released number.
// Amounts are in the number's own unit.
type Description struct {
	Distribution string `json:"distribution"` // discrete_laplace or discrete_gaussian
	// Parameter is each node's Laplace scale, or its Gaussian √σ², rounded up.
	Parameter string `json:"parameter"`
	// Nodes is how many nodes each added noise of that parameter.
	Nodes int `json:"nodes"`
	// StandardDeviation of the noise of all nodes together.
	StandardDeviation string `json:"standard_deviation"`
	// Interval95 is the half-width around the released number that covers the
	// exact one with probability of at least 0.95; exact in its last digit.
	Interval95 string `json:"interval95"`
}

// Describe states the noise of a released number with the given fixed-point
// decimals (0 to 18: noise of 1 is 10^-decimals of its unit) to which each of
// the given number of nodes adds noise of law l. Parameter and deviation carry
// three more places than the number.
func Describe(l Law, nodes, decimals int) (Description, error) {
	if decimals < 0 || decimals > maxDecimals {
		return Description{}, fmt.Errorf("%w: %d decimals, not 0 to %d", ErrQuery, decimals, maxDecimals)
	}
	variance, err := Variance(l, nodes)
	if err != nil {
		return Description{}, err
	}
	half, err := Interval95(l, nodes)
	if err != nil {
		return Description{}, err
	}
	parameter := numberOf(l.param)
	if l.kind == KindGaussian {
		parameter.Sqrt(parameter)
	}
	return Description{
		Distribution:      l.kind.String(),
		Parameter:         decimalUp(parameter, decimals),
		Nodes:             nodes,
		StandardDeviation: decimalUp(newNumber().Sqrt(variance), decimals),
		Interval95:        shifted(half, decimals),
	}, nil
}

// decimalUp writes x·10^-decimals with decimals+3 places, the last rounded up
// (but not for what is within 2^-150 of a multiple of it).
func decimalUp(x *big.Float, decimals int) string {
	thousand := newNumber().Mul(x, number(1000))
	thousand.Sub(thousand, newNumber().SetMantExp(thousand, -150))
	return shifted(ceil(thousand), decimals+3)
}

// shifted writes n·10^-places, n ≥ 0, without trailing zeros.
func shifted(n *big.Int, places int) string {
	r := new(big.Rat).SetFrac(n, powerOfTen(places))
	exact, _ := r.FloatPrec()
	return r.FloatString(exact)
}
