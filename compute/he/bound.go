package he

import (
	"fmt"
	"math"
	"math/big"
)

// errorBound is the largest |e| of lattigo's truncated Gaussian (sigma 3.2,
// bound 19.2).
const errorBound = 19

// roundingBits: the reconstruction decides the multiple of Q in floating point
// and is right for |phase| < Q/2 − Q/2^roundingBits (see modular.Reconstruction).
const roundingBits = 48

// Load is what a plan asks of the parameters.
type Load struct {
	Tiles     int      // tiles in the largest accumulator
	Magnitude *big.Int // worst case of |Σ| over any released number, noise included; nil means 0
}

// Budget says how much of the parameters a load uses.
type Budget struct {
	NoiseUsed      float64  // log2 of the worst-case phase times T
	NoiseAvailable float64  // log2 of the largest phase times T that decodes
	Magnitude      *big.Int // the load's
	Limit          *big.Int // (T−1)/2
}

// CheckLoad computes, statically, whether a plan's accumulators open exactly
// and its sums stay below T/2. It fails with *NoiseError or *OverflowError,
// which carry the numbers.
func (p Parameters) CheckLoad(load Load) (Budget, error) {
	if err := p.check(); err != nil {
		return Budget{}, err
	}
	if load.Tiles < 1 {
		return Budget{}, fmt.Errorf("check load: %w", ErrEmpty)
	}
	used, available := p.in.phase(load.Tiles, p.in.logB), p.in.decodable()
	b := Budget{
		NoiseUsed:      log2(used),
		NoiseAvailable: log2(available),
		Magnitude:      new(big.Int),
		Limit:          new(big.Int).SetUint64((p.in.lit.T - 1) / 2),
	}
	if load.Magnitude != nil {
		b.Magnitude.Abs(load.Magnitude)
	}
	if load.Tiles > MaxTiles || used.Cmp(available) >= 0 {
		return b, fmt.Errorf("check load: %w", p.in.noiseError(load.Tiles, p.in.logB))
	}
	if b.Magnitude.Cmp(b.Limit) > 0 {
		return b, fmt.Errorf("check load: %w", &OverflowError{Magnitude: b.Magnitude, Limit: b.Limit})
	}
	return b, nil
}

// fresh bounds the noise of a fresh tile per coefficient: |e_pk·u| and |e1·s|
// are at most 19·n·N each (the secret is a sum of n ternaries, and so is the
// public key's error a sum of n), |e0| at most 19.
func (in *instance) fresh() *big.Int {
	return big.NewInt(errorBound * (2*int64(in.n)*int64(in.lit.Dealers) + 1))
}

// phase bounds T·(phase of an accumulator of the given tiles after the t smudgings
// of ±2^logB), centred: T·(K·fresh + t·B) + (K+t)·T.
func (in *instance) phase(tiles, logB int) *big.Int {
	return in.phaseOf(tiles, in.lit.Threshold, logB)
}

func (in *instance) phaseOf(tiles, smudgings, logB int) *big.Int {
	k, t := big.NewInt(int64(tiles)), int64(in.lit.Threshold)
	sum := new(big.Int).Mul(k, in.fresh())
	b := new(big.Int).Lsh(big.NewInt(int64(smudgings)), uint(logB))
	sum.Add(sum, b)
	sum.Add(sum, k)
	sum.Add(sum, big.NewInt(t))
	return sum.Mul(sum, new(big.Int).SetUint64(in.lit.T))
}

// decodable is what phase must stay below: Q/2, less the room for rounding in
// the reconstruction.
func (in *instance) decodable() *big.Int {
	q := product(in.lit.Q)
	half := new(big.Int).Rsh(q, 1)
	return half.Sub(half, q.Rsh(q, roundingBits))
}

func product(primes []uint64) *big.Int {
	q := big.NewInt(1)
	for _, p := range primes {
		q.Mul(q, new(big.Int).SetUint64(p))
	}
	return q
}

// maxLogSmudging is the largest log2 B that an accumulator of MaxTiles tiles
// can bear, or −1.
func (in *instance) maxLogSmudging() int { return in.maxLogOf(in.lit.Threshold) }

func (in *instance) maxLogOf(smudgings int) int {
	available := in.decodable()
	logB := -1
	// Beyond 2^122 the sampler's reduction would lose bits (smudgeLimb).
	for logB < 122 && in.phaseOf(MaxTiles, smudgings, logB+1).Cmp(available) < 0 {
		logB++
	}
	return logB
}

// minLogSmudging keeps B above the noise it hides; what remains is a matter of
// statistics (MaxOpenedTiles).
const minLogSmudging = 64

func (in *instance) smudging() (int, error) {
	largest := in.maxLogSmudging()
	logB := in.lit.LogSmudging
	if logB == 0 {
		logB = in.maxLogOf(2 * (in.lit.Threshold - 1)) // which is not less than t
	}
	if logB > largest {
		return 0, fmt.Errorf("choose the smudging: %w", in.noiseError(MaxTiles, logB))
	}
	if logB < minLogSmudging {
		return 0, fmt.Errorf("%w: smudging 2^%d hides too little", ErrParameters, logB)
	}
	return logB, nil
}

func (in *instance) noiseError(tiles, logB int) *NoiseError {
	return &NoiseError{
		Tiles:       tiles,
		Threshold:   in.lit.Threshold,
		LogSmudging: logB,
		Used:        log2(in.phase(tiles, logB)),
		Available:   log2(in.decodable()),
	}
}

func log2(x *big.Int) float64 {
	m := new(big.Float)
	exp := new(big.Float).SetInt(x).MantExp(m)
	frac, _ := m.Float64()
	return float64(exp) + math.Log2(frac)
}
