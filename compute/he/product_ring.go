package he

import (
	"sync"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

// productWorkspace is the scratch of one request, answer or decryption.
type productWorkspace struct {
	a, b, c, d ring.Poly // over Q
	m, lo, hi  []uint64
}

// productPool hands out workspaces, each to one call at a time.
type productPool struct {
	in   *productInstance
	free sync.Pool
}

func (p *productPool) get() *productWorkspace {
	if w, ok := p.free.Get().(*productWorkspace); ok {
		return w
	}
	poly := func() ring.Poly { return ring.NewPoly(p.in.n, productLimbs-1) }
	return &productWorkspace{
		a: poly(), b: poly(), c: poly(), d: poly(),
		m: make([]uint64, p.in.n), lo: make([]uint64, p.in.n), hi: make([]uint64, p.in.n),
	}
}

// put overwrites a workspace and takes it back.
func (p *productPool) put(w *productWorkspace) {
	for _, a := range []ring.Poly{w.a, w.b, w.c, w.d} {
		a.Zero()
	}
	for _, m := range [][]uint64{w.m, w.lo, w.hi} {
		clear(m)
	}
	p.free.Put(w)
}

// ntt and intt change the form of a polynomial over the first primes in place.
func (in *productInstance) ntt(a ring.Poly, primes int) {
	for l, s := range in.q[:primes] {
		s.NTT(a.Coeffs[l], a.Coeffs[l])
	}
}

func (in *productInstance) intt(a ring.Poly, primes int) {
	for l, s := range in.q[:primes] {
		s.INTT(a.Coeffs[l], a.Coeffs[l])
	}
}

func (in *productInstance) montgomery(a ring.Poly) {
	for l, s := range in.q {
		s.MForm(a.Coeffs[l], a.Coeffs[l])
	}
}

// encode writes a chunk's numbers as a polynomial over R_T, zeros after the last.
// Slots are in NTT order: both ends use the same one, and nobody else sees it.
func (in *productInstance) encode(m, chunk []uint64) {
	copy(m, chunk)
	clear(m[len(chunk):])
	in.t.INTT(m, m)
}

// centre writes a polynomial over R_T to one over Q, coefficients in ±T/2.
func (in *productInstance) centre(dst ring.Poly, m []uint64) {
	half := in.lit.T / 2
	for l, s := range in.q {
		q, one, t, out := s.Modulus, in.one[l], in.tMod[l], dst.Coeffs[l][:len(m)]
		for i, x := range m {
			// q − T where x > T/2, without a branch on a secret.
			shift := q - t&-((half-x)>>63)
			out[i] = ring.CRed(ring.CRed(one.Mul(x, q), q)+shift, q)
		}
	}
}

// addScaled adds T^-1·m to a polynomial in coefficients.
func (in *productInstance) addScaled(dst ring.Poly, m []uint64) {
	for l, s := range in.q {
		in.tInv[l].AddTo(dst.Coeffs[l], m, s.Modulus)
	}
}

// uniform expands a public polynomial in NTT form from a seed of its own.
func (in *productInstance) uniform(dst ring.Poly, seed [seedSize]byte) error {
	s, err := prf.New(seed, labelProduct, [32]byte{})
	if err != nil {
		return err
	}
	for l, r := range in.q {
		s.Uniform(dst.Coeffs[l], r.Modulus)
	}
	return nil
}

// gaussian adds small errors to a polynomial in coefficients, or writes them.
func (in *productInstance) gaussian(dst ring.Poly, add bool) error {
	s, err := prf.Fresh()
	if err != nil {
		return err
	}
	defer s.Erase()
	g := ring.NewGaussianSampler(s, in.ring, ring.DiscreteGaussian{Sigma: 3.2, Bound: 6 * 3.2}, false)
	if add {
		g.ReadAndAdd(dst)
	} else {
		g.Read(dst)
	}
	return nil
}

// ternary draws a polynomial from {−1, 0, 1}, in coefficients.
func (in *productInstance) ternary(dst ring.Poly) error {
	s, err := prf.Fresh()
	if err != nil {
		return err
	}
	defer s.Erase()
	s.Ternary(dst.Coeffs, in.lit.Q)
	return nil
}

// addFlooding adds f − T^-1·r to a polynomial in coefficients, every coefficient
// of f drawn uniformly from [−B, B). A test may replace what was drawn.
func (in *productInstance) addFlooding(dst ring.Poly, r []uint64, replace func([]byte)) error {
	s, err := prf.Fresh()
	if err != nil {
		return err
	}
	defer s.Erase()
	s.Flood(dst.Coeffs, r, in.flood[:], in.lit.LogFlooding, replace)
	return nil
}
