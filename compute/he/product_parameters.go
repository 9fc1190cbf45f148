package he

import (
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/modular"
	"github.com/weirdata/weir/compute/he/prf"
)

const (
	productLimbs = 4 // primes of a request
	keptLimbs    = 2 // primes of a response

	// floodingMargin is log2 of what the flooding exceeds N times the hidden
	// term by, at least.
	floodingMargin = 64

	// maxProductLength bounds the entries of one product: a request of 225 MB.
	maxProductLength = 1 << 23
)

// ProductLiteral is an unchecked description of the parameters of products of
// shares (PROTOCOL.md sections 5 and 7.5). NewProductParameters checks it.
type ProductLiteral struct {
	LogN int      `json:"log_n"` // log2 of the ring degree, which is also a chunk's slots
	Q    []uint64 `json:"q"`     // four primes, 1 mod 2N, falling; a response keeps the first two
	T    uint64   `json:"t"`     // plaintext modulus, a prime that is 1 mod 2N: that of the data

	LogFlooding int `json:"log_flooding"` // flooding is uniform in ±2^LogFlooding
	LogGap      int `json:"log_gap"`      // of Q/T at most 1 in 2^LogGap is not filled by it; 0: that is not asked for
	CutC0       int `json:"cut_c0"`       // low bits that a response leaves out of c0
	CutC1       int `json:"cut_c1"`       // and of c1, whose error the secret multiplies
}

// DefaultProductParameters returns the parameters that fit DataParameters:
// 16,384 slots a chunk, Q of 214 bits, 222 bits a slot in a response. The primes are such that
// 2·2^LogFlooding is Q/T but for 1 in 2^44, so that mask and flooding together are uniform mod Q, whatever
// the request is.
func DefaultProductParameters() ProductLiteral {
	return ProductLiteral{
		LogN:        14,
		Q:           []uint64{1152921504606683137, 1152921504604979201, 140737685291009, 140737291419649},
		T:           0x3ffffffffef8001,
		LogFlooding: 155,
		LogGap:      44,
		CutC0:       16,
		CutC1:       2,
	}
}

// EarlierProductParameters are those of programs before feature level 4, 136 bits a slot in a
// response. Their flooding hides the factor from members that follow the protocol, but not from one
// that sends a request which is no ciphertext (PROTOCOL.md section 5.3).
func EarlierProductParameters() ProductLiteral {
	return ProductLiteral{
		LogN:        14,
		Q:           []uint64{1152921504606748673, 4503599626682369, 2251799813554177, 2251799811391489},
		T:           0x3ffffffffef8001,
		LogFlooding: 154,
		CutC0:       51,
		CutC1:       37,
	}
}

// ProductParameters are checked, immutable, cheap to copy and safe for
// concurrent use. The zero value is unusable, and every constructor refuses it.
type ProductParameters struct{ in *productInstance }

// productInstance holds what is derived from a literal once.
type productInstance struct {
	primeField
	lit  ProductLiteral
	n    int
	q    [productLimbs]*ring.SubRing
	ring *ring.Ring // over Q

	one      [productLimbs]modular.Factor // reduces any 64-bit number to below 2q
	tInv     [productLimbs]modular.Factor // T^-1 mod q
	tMod     [productLimbs]uint64         // T mod q
	flood    [productLimbs]prf.Flooding
	drop     [productLimbs][productLimbs]modular.Factor // [k][l]: q_k^-1 mod q_l, l < k
	cuts     [2]modular.Cut                             // of c0 and c1
	decoding modular.Decoding

	scratch productPool
}

// NewProductParameters checks a literal: security, primes, that the flooding
// drowns what it hides and fills what lies between two masks, and that a response decodes exactly in the worst case.
// It fails with ErrParameters.
func NewProductParameters(lit ProductLiteral) (ProductParameters, error) {
	logQ, ok := maxLogQ[lit.LogN]
	if !ok {
		return ProductParameters{}, fmt.Errorf("%w: LogN is %d, and 13 and 14 are the ones known to be secure", ErrParameters, lit.LogN)
	}
	have := 0
	for _, q := range lit.Q {
		have += bits.Len64(q)
	}
	if have > logQ {
		return ProductParameters{}, fmt.Errorf("%w: Q has %d bits, more than %d at LogN %d", ErrParameters, have, logQ, lit.LogN)
	}
	return newProductParameters(lit)
}

// newProductParameters is NewProductParameters without the demand on LogN: tests
// use small rings.
func newProductParameters(lit ProductLiteral) (ProductParameters, error) {
	return productParameters.of(fmt.Sprint(lit), func() (ProductParameters, error) { return makeProductParameters(lit) })
}

func makeProductParameters(lit ProductLiteral) (_ ProductParameters, err error) {
	defer guard("make product parameters", &err)
	if err := lit.validate(); err != nil {
		return ProductParameters{}, err
	}
	lit.Q = slices.Clone(lit.Q)
	in := &productInstance{lit: lit, n: 1 << lit.LogN}
	if in.ring, err = ring.NewRing(in.n, lit.Q); err != nil {
		return ProductParameters{}, fmt.Errorf("%w: Q: %w", ErrParameters, err)
	}
	copy(in.q[:], in.ring.SubRings)
	plain, err := ring.NewRing(in.n, []uint64{lit.T})
	if err != nil {
		return ProductParameters{}, fmt.Errorf("%w: T: %w", ErrParameters, err)
	}
	in.t = plain.SubRings[0]
	if err := in.checkBounds(); err != nil {
		return ProductParameters{}, err
	}
	in.derive()
	return ProductParameters{in}, nil
}

func (lit ProductLiteral) validate() error {
	switch {
	case lit.LogN < 9 || lit.LogN > 14: // packing writes blocks of 64 coefficients
		return fmt.Errorf("%w: LogN is %d", ErrParameters, lit.LogN)
	case len(lit.Q) != productLimbs:
		return fmt.Errorf("%w: Q has %d primes, not %d", ErrParameters, len(lit.Q), productLimbs)
	case bits.Len64(lit.T) < 16 || bits.Len64(lit.T) > 59 || !ring.IsPrime(lit.T):
		return fmt.Errorf("%w: T=%d is not a prime of 16 to 59 bits", ErrParameters, lit.T)
	case (lit.T-1)%(2<<lit.LogN) != 0:
		return fmt.Errorf("%w: T=%d is not 1 mod %d: half the slots would be missing", ErrParameters, lit.T, 2<<lit.LogN)
	case lit.LogFlooding < 128 || lit.LogFlooding > 190: // three words are drawn
		return fmt.Errorf("%w: LogFlooding is %d, not 128 to 190", ErrParameters, lit.LogFlooding)
	case lit.CutC0 < 1 || lit.CutC0 > 60 || lit.CutC1 < 1 || lit.CutC1 > 60:
		return fmt.Errorf("%w: CutC0 and CutC1 are %d and %d, not 1 to 60", ErrParameters, lit.CutC0, lit.CutC1)
	}
	for i, q := range lit.Q {
		if bits.Len64(q) < 40 || bits.Len64(q) > 60 || !ring.IsPrime(q) || (q-1)%(2<<lit.LogN) != 0 {
			return fmt.Errorf("%w: Q[%d]=%d is not a prime of 40 to 60 bits that is 1 mod %d", ErrParameters, i, q, 2<<lit.LogN)
		}
		if i > 0 && q >= lit.Q[i-1] {
			return fmt.Errorf("%w: Q[%d]=%d is not below the prime before it", ErrParameters, i, q)
		}
	}
	return nil
}

// hidden bounds, per coefficient, everything but the flooding in a response's
// noise, which is what the flooding has to hide:
//
//	e·x and m·x/T    (19 + 1)·N·T/2   x centred, |x| ≤ T/2
//	e_pk·u and e1·s  2·19·N           u, s ternary
//	ρ/T, remainder   2
func (in *productInstance) hidden() *big.Int {
	n, t := big.NewInt(int64(in.n)), new(big.Int).SetUint64(in.lit.T)
	h := new(big.Int).Mul(n, t)
	h.Mul(h, big.NewInt((errorBound+1)/2))
	h.Add(h, new(big.Int).Mul(n, big.NewInt(2*errorBound)))
	return h.Add(h, big.NewInt(2))
}

// modulusOf is the product of the first k primes.
func (in *productInstance) modulusOf(k int) *big.Int { return product(in.lit.Q[:k]) }

// decodingBounds bounds T·phase of a response, centred, before and after it is
// switched to two limbs and its low bits are cut. It decodes exactly while both
// stay below half their modulus.
func (in *productInstance) decodingBounds() (before, after *big.Int) {
	t := new(big.Int).SetUint64(in.lit.T)
	before = new(big.Int).Lsh(big.NewInt(1), uint(in.lit.LogFlooding))
	before.Add(before, in.hidden())
	before.Add(before, big.NewInt(1))

	// Dividing by the dropped primes one after the other rounds c0 and c1 by less
	// than 1 each in all, the secret multiplies c1's by N.
	dropped := new(big.Int).Quo(in.modulusOf(productLimbs), in.modulusOf(keptLimbs))
	after = new(big.Int).Quo(before, dropped)
	after.Add(after, big.NewInt(int64(in.n)+2))
	half := func(cut int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(cut-1)) }
	after.Add(after, half(in.lit.CutC0))
	after.Add(after, new(big.Int).Mul(half(in.lit.CutC1), big.NewInt(int64(in.n))))
	return before.Mul(before, t), after.Mul(after, t)
}

// gap is T times what the flooding leaves of the distance Q/T between two masks: Q − T·2B.
func (in *productInstance) gap() *big.Int {
	filled := new(big.Int).Lsh(new(big.Int).SetUint64(in.lit.T), uint(in.lit.LogFlooding+1))
	return filled.Sub(in.modulusOf(productLimbs), filled)
}

func (in *productInstance) checkBounds() error {
	least := new(big.Int).Mul(in.hidden(), big.NewInt(int64(in.n)))
	least.Lsh(least, floodingMargin)
	if new(big.Int).Lsh(big.NewInt(1), uint(in.lit.LogFlooding)).Cmp(least) < 0 {
		return fmt.Errorf("%w: flooding 2^%d is below 2^%.3f and hides too little", ErrParameters, in.lit.LogFlooding, log2(least))
	}
	if gap := in.gap(); in.lit.LogGap > 0 && new(big.Int).Lsh(gap, uint(in.lit.LogGap)).Cmp(in.modulusOf(productLimbs)) > 0 {
		return fmt.Errorf("%w: flooding 2^%d leaves more than 1 in 2^%d of Q/T: a request that is no ciphertext would read the factor", ErrParameters, in.lit.LogFlooding, in.lit.LogGap)
	}
	before, after := in.decodingBounds()
	for _, x := range []struct {
		used  *big.Int
		limbs int
	}{{before, productLimbs}, {after, keptLimbs}} {
		if half := new(big.Int).Rsh(in.modulusOf(x.limbs), 1); x.used.Cmp(half) >= 0 {
			return fmt.Errorf("%w: a product over %d primes needs %.3f bits, and %.3f are there", ErrParameters, x.limbs, log2(x.used), log2(half))
		}
	}
	return nil
}

// derive computes the constants of the kernels.
func (in *productInstance) derive() {
	t := new(big.Int).SetUint64(in.lit.T)
	for l, s := range in.q {
		q := new(big.Int).SetUint64(s.Modulus)
		in.one[l] = modular.NewFactor(1, s.Modulus)
		in.tInv[l] = modular.NewFactor(new(big.Int).ModInverse(t, q).Uint64(), s.Modulus)
		in.tMod[l] = new(big.Int).Mod(t, q).Uint64()
		in.flood[l] = prf.NewFlooding(s.Modulus, in.lit.T, in.lit.LogFlooding)
		for k := l + 1; k < productLimbs; k++ {
			qk := new(big.Int).SetUint64(in.q[k].Modulus)
			in.drop[k][l] = modular.NewFactor(qk.ModInverse(qk, q).Uint64(), s.Modulus)
		}
	}
	pair := modular.NewPair(in.lit.Q[0], in.lit.Q[1])
	in.decoding = modular.NewDecoding(pair, in.lit.T, new(big.Int).Quo(in.modulusOf(productLimbs), in.modulusOf(keptLimbs)))
	in.cuts = [2]modular.Cut{modular.NewCut(pair, in.lit.CutC0), modular.NewCut(pair, in.lit.CutC1)}
	in.scratch.in = in
}

func (p ProductParameters) check() error {
	if p.in == nil {
		return fmt.Errorf("%w: zero value", ErrParameters)
	}
	return nil
}

// T returns the plaintext modulus, which is that of the shares.
func (p ProductParameters) T() uint64 { return p.in.lit.T }

// Slots returns the number of entries of a chunk. Vectors of any length are cut
// into chunks; the last one costs as much as a full one.
func (p ProductParameters) Slots() int { return p.in.n }

// checkNumbers refuses a vector of another length, or one with a number that is
// not below T.
func (p ProductParameters) checkNumbers(xs []uint64, length int) error {
	if len(xs) != length {
		return fmt.Errorf("%w: %d numbers instead of %d", ErrValues, len(xs), length)
	}
	t := p.in.lit.T
	for i, x := range xs {
		if x >= t {
			return fmt.Errorf("%w: number %d is not below T", ErrValues, i)
		}
	}
	return nil
}
