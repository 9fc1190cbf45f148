package he

import (
	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

// Labels separate the streams that are drawn from one secret.
const (
	labelReference  = "weir he v1 reference polynomial"
	labelParity     = "weir he v1 parity weights"
	labelKnown      = "weir he v1 known tile"
	labelPair       = "weir he v1 pair mask"
	labelShare      = "weir he v1 plaintext share"
	labelSmudge     = "weir he v1 smudging"
	labelProduct    = "weir he v1 product polynomial"
	labelVector     = "weir he v1 vector share"
	labelLine       = "weir he v1 vector check: one polynomial"
	labelBits       = "weir he v1 vector check: zero or one"
	labelLimits     = "weir he v1 vector check: limits"
	labelMoved      = "weir he v1 vector dealt onward"
	labelMovedMasks = "weir he v1 masks of a vector dealt onward"
	labelWitness    = "weir he v1 witness share"
	labelPieces     = "weir he v1 piece test: witnesses"
)

// uniform draws a uniform polynomial over R_Q. Uniform is uniform, so it is
// one in either form.
func (in *instance) uniform(s *prf.Stream, dst ring.Poly) {
	for l, r := range in.q {
		s.Uniform(dst.Coeffs[l], r.Modulus)
	}
}

// ternary draws a polynomial from {−1, 0, 1}, in coefficients.
func (in *instance) ternary(s *prf.Stream, dst ring.Poly) { s.Ternary(dst.Coeffs, in.lit.Q) }

// smudge writes e − T^-1·m, in coefficients: every coefficient of e drawn
// uniformly from [−B, B), B a power of two.
func (in *instance) smudge(s *prf.Stream, dst ring.Poly, m []uint64) {
	s.Smudge(dst.Coeffs, m, in.noise[:], in.logB)
}

// gaussian is lattigo's truncated sampler at its own small width (sigma 3.2,
// |e| ≤ 19), where it is sound, on our stream.
func (in *instance) gaussian(s *prf.Stream) *ring.GaussianSampler {
	return ring.NewGaussianSampler(s, in.he.RingQ(), in.he.Xe().(ring.DiscreteGaussian), false)
}
