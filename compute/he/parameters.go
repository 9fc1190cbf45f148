package he

import (
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/tuneinsight/lattigo/v5/he/heint"
	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/modular"
	"github.com/weirdata/weir/compute/he/prf"
)

const (
	// MaxTiles is the largest number of tiles in one accumulator for which the
	// smudging is dimensioned.
	MaxTiles = 1 << 17
	// MaxOpenedTiles is the largest Σ tiles over all openings of one key, over
	// all its epochs, parity openings included. What openings leak
	// statistically is linear in it: N·Σ·fresh/B, about 2^-50 for 2 of 3 nodes
	// (PROTOCOL.md section 7.2). The ledger counts; afterwards a new key is due.
	MaxOpenedTiles = 1 << 37
	// MaxNodes is the largest roster. Shamir points are 1..n.
	MaxNodes = 64

	limbs = 3 // primes in Q; the layout and the reconstruction are written for three
)

// ParametersLiteral is an unchecked description of parameters. NewParameters
// checks it.
type ParametersLiteral struct {
	LogN int      `json:"log_n"` // log2 of the ring degree, also of the slots of a tile
	Q    []uint64 `json:"q"`     // three primes 2^60 − δ, δ < 2^19, 1 mod 2N
	T    uint64   `json:"t"`     // plaintext modulus, a prime that is 1 mod 2N and below the primes of Q

	Nodes     int `json:"nodes"`     // n, the roster's size
	Threshold int `json:"threshold"` // t, the size of an active set

	// Dealers is the number of ternary secrets that the key is the sum of:
	// the roster at the ceremony. After resharing to another roster it stays
	// what it was, and with it the noise of a fresh tile. 0 means Nodes.
	Dealers int `json:"dealers,omitempty"`
	// LogSmudging is log2 of B. 0 means the largest that fits MaxTiles tiles,
	// less one bit.
	LogSmudging int `json:"log_smudging,omitempty"`
}

// DataParameters returns the parameters of data keys for a t-of-n roster: 8,192
// slots, Q of 180 bits, T of 58 bits (PROTOCOL.md section 7.1).
func DataParameters(nodes, threshold int) ParametersLiteral {
	return ParametersLiteral{
		LogN:      13,
		Q:         []uint64{0xffffffffffe8001, 0xffffffffffd8001, 0xffffffffffc0001},
		T:         0x3ffffffffef8001,
		Nodes:     nodes,
		Threshold: threshold,
	}
}

// Parameters are checked, immutable, cheap to copy and safe for concurrent use.
// The zero value is unusable, and every constructor refuses it.
type Parameters struct{ in *instance }

// instance holds what is derived from a literal once.
type instance struct {
	lit  ParametersLiteral
	he   heint.Parameters
	n    int // ring degree
	logB int
	q    [limbs]*ring.SubRing
	t    *ring.SubRing

	overQ [limbs]*modular.Transform
	overT *modular.Transform

	sums  [limbs]modular.Near60 // modulo q
	tInv  [limbs]modular.Factor // T^-1 mod q
	noise [limbs]prf.Smudging
	crt   modular.Reconstruction

	place   []int32  // slot → index in lattigo's NTT order
	weights []uint64 // parity weights of slots 0..n−2, Montgomery form mod T

	scratch pool
}

// maxLogQ is log2 of the largest Q for 128 bits of classical security with
// ternary secrets (homomorphicencryption.org standard, table 1), by LogN.
var maxLogQ = map[int]int{13: 218, 14: 438}

// NewParameters checks a literal: security, primes, roster, and that an
// accumulator of MaxTiles tiles still opens exactly under the largest
// smudging:
//
//	T·(K·fresh + t·B) + (K+t)·T < Q/2,  fresh = 19·(2Nn + 1)
//
// It fails with ErrParameters or, where the noise does not fit, *NoiseError.
func NewParameters(lit ParametersLiteral) (Parameters, error) {
	logQ, ok := maxLogQ[lit.LogN]
	if !ok {
		return Parameters{}, fmt.Errorf("%w: LogN is %d, and 13 and 14 are the ones known to be secure with 180 bits", ErrParameters, lit.LogN)
	}
	if have := 60 * len(lit.Q); have > logQ {
		return Parameters{}, fmt.Errorf("%w: Q has %d bits, more than %d at LogN %d", ErrParameters, have, logQ, lit.LogN)
	}
	return newParameters(lit)
}

// newParameters is NewParameters without the demand on LogN: tests that check
// arithmetic use small rings.
func newParameters(lit ParametersLiteral) (Parameters, error) {
	return dataParameters.of(fmt.Sprint(lit), func() (Parameters, error) { return makeParameters(lit) })
}

func makeParameters(lit ParametersLiteral) (p Parameters, err error) {
	defer guard("make parameters", &err)
	in, err := newInstance(lit)
	if err != nil {
		return Parameters{}, err
	}
	logB, err := in.smudging()
	if err != nil {
		return Parameters{}, err
	}
	in.derive(logB)
	return Parameters{in}, nil
}

// newInstance checks everything but the noise.
func newInstance(lit ParametersLiteral) (*instance, error) {
	if lit.Dealers == 0 {
		lit.Dealers = lit.Nodes
	}
	if err := lit.validate(); err != nil {
		return nil, err
	}
	lit.Q = slices.Clone(lit.Q)
	h, err := heint.NewParametersFromLiteral(heint.ParametersLiteral{LogN: lit.LogN, Q: lit.Q, PlaintextModulus: lit.T})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParameters, err)
	}
	in := &instance{lit: lit, he: h, n: h.N(), t: h.RingT().SubRings[0]}
	if in.t.N != in.n {
		return nil, fmt.Errorf("%w: T=%d is not 1 mod %d: only %d slots", ErrParameters, lit.T, 2*in.n, in.t.N)
	}
	copy(in.q[:], h.RingQ().SubRings)
	for l, s := range in.q {
		if in.overQ[l], err = newTransform(s); err != nil {
			return nil, err
		}
	}
	if in.overT, err = newTransform(in.t); err != nil {
		return nil, err
	}
	return in, nil
}

func (lit ParametersLiteral) validate() error {
	switch {
	case lit.LogN < 9 || lit.LogN > 14: // modular adds blocks of 512, and its transform has up to 14 layers
		return fmt.Errorf("%w: LogN is %d", ErrParameters, lit.LogN)
	case len(lit.Q) != limbs:
		return fmt.Errorf("%w: Q has %d primes, not %d", ErrParameters, len(lit.Q), limbs)
	case lit.Nodes < 2 || lit.Nodes > MaxNodes:
		return fmt.Errorf("%w: Nodes is %d, not 2 to %d", ErrParameters, lit.Nodes, MaxNodes)
	case lit.Threshold < 2 || lit.Threshold > lit.Nodes:
		return fmt.Errorf("%w: Threshold is %d, not 2 to %d", ErrParameters, lit.Threshold, lit.Nodes)
	case lit.Dealers < 2 || lit.Dealers > MaxNodes:
		return fmt.Errorf("%w: Dealers is %d, not 2 to %d", ErrParameters, lit.Dealers, MaxNodes)
	case bits.Len64(lit.T) < 16 || bits.Len64(lit.T) > 59 || !ring.IsPrime(lit.T):
		return fmt.Errorf("%w: T=%d is not a prime of 16 to 59 bits", ErrParameters, lit.T)
	}
	for i, q := range lit.Q {
		// The partial reduction needs 2^60 − δ with a small δ.
		if q >= 1<<60 || q < 1<<60-1<<19 || !ring.IsPrime(q) {
			return fmt.Errorf("%w: Q[%d]=%d is not a prime 2^60 − δ, δ < 2^19", ErrParameters, i, q)
		}
		if slices.Contains(lit.Q[:i], q) {
			return fmt.Errorf("%w: Q[%d]=%d occurs twice", ErrParameters, i, q)
		}
	}
	return nil
}

// derive computes the constants of the kernels, for smudging within ±2^logB.
func (in *instance) derive(logB int) {
	in.logB = logB
	t := new(big.Int).SetUint64(in.lit.T)
	for l, s := range in.q {
		q := new(big.Int).SetUint64(s.Modulus)
		in.sums[l] = modular.NewNear60(s.Modulus)
		in.tInv[l] = modular.NewFactor(new(big.Int).ModInverse(t, q).Uint64(), s.Modulus)
		in.noise[l] = prf.NewSmudging(s.Modulus, in.lit.T, in.logB)
	}
	in.crt = modular.NewReconstruction([limbs]uint64(in.lit.Q), in.lit.T)
	in.place = slotOrder(in.lit.LogN)
	in.weights = parityWeights(in.t, in.n-1)
	in.scratch.in = in
}

// newTransform returns the transform with a ring's roots.
func newTransform(s *ring.SubRing) (*modular.Transform, error) {
	plain := func(xs ...uint64) []uint64 {
		out := make([]uint64, len(xs))
		for i, x := range xs {
			out[i] = ring.IMForm(x, s.Modulus, s.MRedConstant)
		}
		return out
	}
	tr, err := modular.NewTransform(s.Modulus, modular.Roots{
		Forward: plain(s.RootsForward...), Backward: plain(s.RootsBackward...), NInv: plain(s.NInv)[0],
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParameters, err)
	}
	return tr, nil
}

// slotOrder returns where lattigo's NTT order keeps slot i: row one holds the
// powers of 5, row two their negatives (he/heint's encoder, with which a test
// compares it).
func slotOrder(logN int) []int32 {
	n := 1 << logN
	order := make([]int32, n)
	pow := 1
	for i := range n / 2 {
		at := int(bits.Reverse64(uint64(pow>>1)) >> (64 - logN))
		order[i] = int32(at)
		order[i+n/2] = int32(n - at - 1)
		pow = pow * 5 & (2*n - 1)
	}
	return order
}

func (p Parameters) check() error {
	if p.in == nil {
		return fmt.Errorf("%w: zero value", ErrParameters)
	}
	return nil
}

// Slots returns the number of slots of a tile, its parity included.
func (p Parameters) Slots() int { return p.in.n }

// Values returns the number of values a tile holds: all slots but the last,
// which is the parity.
func (p Parameters) Values() int { return p.in.n - 1 }

// T returns the plaintext modulus.
func (p Parameters) T() uint64 { return p.in.lit.T }

// Nodes returns n.
func (p Parameters) Nodes() int { return p.in.lit.Nodes }

// Threshold returns t.
func (p Parameters) Threshold() int { return p.in.lit.Threshold }

// checkPoint refuses what is not one of 1..n.
func (p Parameters) checkPoint(point int) error {
	if point < 1 || point > p.in.lit.Nodes {
		return fmt.Errorf("%w: %d is not one of 1..%d", ErrPoint, point, p.in.lit.Nodes)
	}
	return nil
}
