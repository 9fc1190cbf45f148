package he

import (
	"encoding/binary"
	"math/big"
	"sync"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// productWorkspace is the scratch of one request, answer or decryption.
type productWorkspace struct {
	a, b, c, d ring.Poly // over Q
	m, lo, hi  []uint64
}

func (w *productWorkspace) erase() {
	for _, p := range []ring.Poly{w.a, w.b, w.c, w.d} {
		p.Zero()
	}
	clear(w.m)
	clear(w.lo)
	clear(w.hi)
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

func (p *productPool) put(w *productWorkspace) {
	w.erase()
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
			out[i] = ring.CRed(ring.CRed(one.mul(x, q), q)+shift, q)
		}
	}
}

// addScaled adds T^-1·m to a polynomial in coefficients.
func (in *productInstance) addScaled(dst ring.Poly, m []uint64) {
	for l, s := range in.q {
		q, f, out := s.Modulus, in.tInv[l], dst.Coeffs[l][:len(m)]
		for i, x := range m {
			out[i] = ring.CRed(ring.CRed(out[i]+f.mul(x, q), 2*q), q)
		}
	}
}

// uniform expands a public polynomial in NTT form from a seed of its own.
func (in *productInstance) uniform(dst ring.Poly, seed [seedSize]byte) error {
	s, err := newStream(seed, labelProduct, [32]byte{})
	if err != nil {
		return err
	}
	for l, r := range in.q {
		s.uniform(dst.Coeffs[l], r.Modulus)
	}
	return nil
}

// gaussian adds small errors to a polynomial in coefficients, or writes them.
func (in *productInstance) gaussian(dst ring.Poly, add bool) error {
	s, err := freshStream()
	if err != nil {
		return err
	}
	defer s.erase()
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
	s, err := freshStream()
	if err != nil {
		return err
	}
	defer s.erase()
	s.ternaryOver(dst, in.q[:])
	return nil
}

// floodConstants reduce a number of three words modulo a prime.
type floodConstants struct {
	middle, top uint64 // 2^128 and 2^192 mod q: Montgomery forms of 2^64 and 2^128
	shift       uint64 // q − B mod q
}

func newFloodConstants(logB int, prime uint64) floodConstants {
	q := new(big.Int).SetUint64(prime)
	power := func(k int) *big.Int {
		x := new(big.Int).Lsh(big.NewInt(1), uint(k))
		return x.Mod(x, q)
	}
	return floodConstants{
		middle: power(128).Uint64(),
		top:    power(192).Uint64(),
		shift:  new(big.Int).Sub(q, power(logB)).Uint64(),
	}
}

const (
	floodBlock = 128
	floodBytes = 24 // drawn a coefficient
)

// addFlooding adds f − T^-1·r to a polynomial in coefficients, every coefficient
// of f drawn uniformly from [−B, B). A test may replace what was drawn.
func (in *productInstance) addFlooding(dst ring.Poly, r []uint64, replace func([]byte)) error {
	s, err := freshStream()
	if err != nil {
		return err
	}
	defer s.erase()
	// B + f is uniform in [0, 2B): three words drawn, the top one cut.
	mask := uint64(1)<<(in.lit.LogFlooding+1-128) - 1
	for k := 0; k < in.n; k += floodBlock {
		b := (*[floodBytes * floodBlock]byte)(s.next(floodBytes * floodBlock))
		if replace != nil {
			replace(b[:])
		}
		for l, p := range in.q {
			floodLimb((*[floodBlock]uint64)(dst.Coeffs[l][k:]), b, (*[floodBlock]uint64)(r[k:]), mask, p, in.one[l], in.tInv[l], in.flood[l])
		}
	}
	return nil
}

func floodLimb(dst *[floodBlock]uint64, b *[floodBytes * floodBlock]byte, r *[floodBlock]uint64, mask uint64, s *ring.SubRing, one, tInv constant, f floodConstants) {
	q, qInv := s.Modulus, s.MRedConstant
	for i := range dst {
		w := b[floodBytes*i : floodBytes*i+floodBytes]
		x := one.mul(binary.LittleEndian.Uint64(w[0:8]), q) +
			ring.MRed(binary.LittleEndian.Uint64(w[8:16]), f.middle, q, qInv) +
			ring.MRed(binary.LittleEndian.Uint64(w[16:24])&mask, f.top, q, qInv) +
			f.shift + 2*q - tInv.mul(r[i], q) + dst[i] // below 8q ≤ 2^63
		dst[i] = ring.CRed(one.mul(x, q), q)
	}
}
