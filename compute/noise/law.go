package noise

import (
	"errors"
	"fmt"
	"math/big"
)

// Kind is a family of distributions over the integers.
type Kind uint8

// The kinds. Their values are stored: never renumber them.
const (
	KindLaplace  Kind = 1 // P(x) proportional to exp(−|x|/scale)
	KindGaussian Kind = 2 // P(x) proportional to exp(−x²/2σ²)
)

// String returns the name that results carry.
func (k Kind) String() string {
	switch k {
	case KindLaplace:
		return "discrete_laplace"
	case KindGaussian:
		return "discrete_gaussian"
	default:
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
}

const (
	// MaxScaleBits bounds a law: Laplace scale and Gaussian σ are at most
	// 2^MaxScaleBits. Noise lives modulo T < 2^58, so more is never of use, and
	// a sample beyond an int64 has probability below 2^-184.
	MaxScaleBits = 56

	// MaxNodes is the largest number of nodes whose noise may be added up.
	MaxNodes = 64

	// maxParamBits bounds numerator and denominator of a parameter, so that
	// the cost of a draw is bounded whatever a policy says.
	maxParamBits = 512
)

var (
	// ErrLaw is returned for a distribution outside the limits.
	ErrLaw = errors.New("noise law is outside the limits")

	// ErrQuery is returned when a question about a law is outside the limits:
	// a number of nodes, a probability or a number of values.
	ErrQuery = errors.New("parameter is outside the limits")
)

var (
	minLaplace  = big.NewRat(1, 1)
	minGaussian = big.NewRat(1, 4)
	maxLaplace  = new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), MaxScaleBits))
	maxGaussian = new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 2*MaxScaleBits))
)

// Law is the checked, immutable distribution of one node's noise. Its zero
// value is no law, and everything that takes a law refuses it.
type Law struct {
	kind  Kind
	param *big.Rat
}

// NewLaplace returns the discrete Laplace distribution,
// P(x) = (1−q)/(1+q)·q^|x| with q = exp(−1/scale), for 1 ≤ scale ≤ 2^56.
func NewLaplace(scale *big.Rat) (Law, error) {
	return newLaw(KindLaplace, scale, minLaplace, maxLaplace, "scale")
}

// NewGaussian returns the discrete Gaussian distribution with parameter σ²,
// 1/4 ≤ σ² ≤ 2^112. Its variance is at most σ².
func NewGaussian(sigma2 *big.Rat) (Law, error) {
	return newLaw(KindGaussian, sigma2, minGaussian, maxGaussian, "σ²")
}

func newLaw(kind Kind, param, low, high *big.Rat, name string) (Law, error) {
	switch {
	case param == nil:
		return Law{}, fmt.Errorf("%w: %s without %s", ErrLaw, kind, name)
	case param.Num().BitLen() > maxParamBits || param.Denom().BitLen() > maxParamBits:
		return Law{}, fmt.Errorf("%w: %s of %s has %d/%d bits, at most %d are possible",
			ErrLaw, name, kind, param.Num().BitLen(), param.Denom().BitLen(), maxParamBits)
	case param.Cmp(low) < 0 || param.Cmp(high) > 0:
		return Law{}, fmt.Errorf("%w: %s of %s is %s, not %s to %s",
			ErrLaw, name, kind, param.RatString(), low.RatString(), high.RatString())
	}
	return Law{kind: kind, param: new(big.Rat).Set(param)}, nil
}

// Kind returns the family, 0 of no law.
func (l Law) Kind() Kind { return l.kind }

// Param returns a copy of the scale (Laplace) or of σ² (Gaussian).
func (l Law) Param() *big.Rat {
	if l.param == nil {
		return new(big.Rat)
	}
	return new(big.Rat).Set(l.param)
}

// Equal reports whether both are the same law.
func (l Law) Equal(o Law) bool {
	return l.kind == o.kind && l.Param().Cmp(o.Param()) == 0
}

// String returns the law as "discrete_laplace(scale 20/3)".
func (l Law) String() string {
	switch l.kind {
	case KindLaplace:
		return fmt.Sprintf("%s(scale %s)", l.kind, l.param.RatString())
	case KindGaussian:
		return fmt.Sprintf("%s(variance %s)", l.kind, l.param.RatString())
	default:
		return "no law"
	}
}

func (l Law) check() error {
	if l.param == nil {
		return fmt.Errorf("%w: no law was given", ErrLaw)
	}
	return nil
}

// checkSum checks a law and the number of nodes whose noise is added up.
func (l Law) checkSum(nodes int) error {
	if err := l.check(); err != nil {
		return err
	}
	if nodes < 1 || nodes > MaxNodes {
		return fmt.Errorf("%w: noise of %d nodes, not 1 to %d", ErrQuery, nodes, MaxNodes)
	}
	return nil
}
