package he

import (
	"math"
	"math/big"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

// view is what the requester has of one chunk of one answer: its own key and
// randomness, the request, and the answer before it is switched down, which hides
// nothing (PROTOCOL.md counts on the encryption of zero and the flooding alone).
// Polynomials over all of Q, NTT form.
type view struct {
	in       *productInstance
	secret   ring.Poly // Montgomery form
	pk0, pk1 ring.Poly
	c0, c1   ring.Poly // the request's ciphertext
	a0, a1   ring.Poly // the answer's
}

// observe runs one evaluation of a single chunk and keeps what the requester sees.
func observe(t testing.TB, p ProductParameters, b, x []uint64, hooks oleHooks) view {
	t.Helper()
	in := p.in
	poly := func() ring.Poly { return ring.NewPoly(in.n, productLimbs-1) }
	v := view{in: in, secret: poly(), pk0: poly(), pk1: poly(), c0: poly(), c1: poly(), a0: poly(), a1: poly()}
	r, request, err := newOLERequest(p, names(len(b)), b)
	if err != nil {
		t.Fatal(err)
	}
	// The requester's key in all limbs: ternary, so the first one says it.
	s := make([]uint64, in.n)
	in.q[0].IMForm(r.secret.Coeffs[0], s)
	in.q[0].INTT(s, s)
	for l, q := range in.q {
		for i, c := range s {
			v.secret.Coeffs[l][i] = map[uint64]uint64{0: 0, 1: 1, in.q[0].Modulus - 1: q.Modulus - 1}[c]
		}
	}
	in.ntt(v.secret, productLimbs)
	in.montgomery(v.secret)
	for k, dst := range [][2]ring.Poly{{v.pk0, v.pk1}, {v.c0, v.c1}} {
		body := request[productHeader+k*in.requestPoly():]
		w := productWorkspace{a: dst[0], b: dst[1]}
		if err := in.readCiphertext(&w, body[:in.requestPoly()]); err != nil {
			t.Fatal(err)
		}
	}
	hooks.uncut = func(_ int, a0, a1 ring.Poly) {
		v.a0.Copy(a0)
		v.a1.Copy(a1)
		in.ntt(v.a0, productLimbs)
		in.ntt(v.a1, productLimbs)
	}
	if _, _, err := oleAnswer(p, names(len(b)), x, request, hooks); err != nil {
		t.Fatal(err)
	}
	return v
}

// phase returns T·(c0 + c1·s).
func (v view) phase(c0, c1 ring.Poly) ring.Poly {
	out := *c0.CopyNew()
	rq := v.in.ring
	rq.MulCoeffsMontgomeryThenAdd(c1, v.secret, out)
	rq.MulScalar(out, v.in.lit.T, out)
	return out
}

// divided returns a/b slot by slot, in NTT form.
func (in *productInstance) divided(a, b ring.Poly) ring.Poly {
	out := *a.CopyNew()
	for l, s := range in.q {
		for i := range out.Coeffs[l] {
			out.Coeffs[l][i] = mulMod(a.Coeffs[l][i], ring.ModExp(b.Coeffs[l][i], s.Modulus-2, s.Modulus), s.Modulus)
		}
	}
	return out
}

// integers returns the coefficients, centred mod Q, of a polynomial in NTT form.
func (in *productInstance) integers(a ring.Poly) []*big.Int {
	a = *a.CopyNew()
	in.intt(a, productLimbs)
	q := in.modulusOf(productLimbs)
	var parts [productLimbs]*big.Int
	for l, s := range in.q {
		m := new(big.Int).SetUint64(s.Modulus)
		rest := new(big.Int).Quo(q, m)
		parts[l] = rest.Mul(rest, new(big.Int).ModInverse(rest, m))
	}
	out := make([]*big.Int, in.n)
	for i := range out {
		x := new(big.Int)
		for l := range parts {
			x.Add(x, new(big.Int).Mul(parts[l], new(big.Int).SetUint64(a.Coeffs[l][i])))
		}
		out[i] = centred(x, q)
	}
	return out
}

// poly is the inverse of integers.
func (in *productInstance) poly(xs []*big.Int) ring.Poly {
	out := ring.NewPoly(in.n, productLimbs-1)
	for l, s := range in.q {
		q := new(big.Int).SetUint64(s.Modulus)
		for i, x := range xs {
			out.Coeffs[l][i] = new(big.Int).Mod(x, q).Uint64()
		}
	}
	in.ntt(out, productLimbs)
	return out
}

// slots returns the numbers that a polynomial of integers encodes.
func (in *productInstance) slots(xs []*big.Int) []uint64 {
	t := new(big.Int).SetUint64(in.lit.T)
	m := make([]uint64, in.n)
	for i, x := range xs {
		m[i] = new(big.Int).Mod(x, t).Uint64()
	}
	in.t.NTT(m, m)
	return m
}

func matches(a, b []uint64) int {
	n := 0
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}

// withoutFlooding makes every coefficient of the flooding 0.
func (in *productInstance) withoutFlooding() func([]byte) {
	return func(b []byte) {
		clear(b)
		for i := 0; i < len(b); i += prf.FloodBytes {
			b[i+16+(in.lit.LogFlooding-128)/8] = 1 << ((in.lit.LogFlooding - 128) % 8)
		}
	}
}

// TestEncryptionOfZeroHidesTheFactor: without it c1' is c1·x, flooding or not, and
// dividing gives x in every slot. With it the same gives nothing.
func TestEncryptionOfZeroHidesTheFactor(t *testing.T) {
	p, rng := fullProducts(t), rand.New(rand.NewPCG(51, 52))
	b, x := numbers(p, rng, p.Slots()), numbers(p, rng, p.Slots())
	attack := func(hooks oleHooks) int {
		v := observe(t, p, b, x, hooks)
		return matches(p.in.slots(p.in.integers(p.in.divided(v.a1, v.c1))), x)
	}
	if got := attack(oleHooks{noZero: true}); got != p.Slots() {
		t.Errorf("without the encryption of zero the attack finds only %d of %d entries: it tests nothing", got, p.Slots())
	}
	if got := attack(oleHooks{}); got != 0 {
		t.Errorf("%d of %d entries recovered", got, p.Slots())
	}
}

// TestFloodingHidesTheFactor: without it, T·phase of an answer is
//
//	W = E·x + T·(e_pk·u + s·e1) − ρ,   E = m + T·e,
//
// over the integers, and the requester knows E, e_pk and s. As real polynomials,
// W/E is x but for a few units in every coefficient; over many answers on one x (a
// vector's share is used in every query) least squares gives x exactly. Then
// e_pk·u + s·e1, with a·u + e1 from c1', gives u and e1, which are as small as
// they must be: the answer is solved. With flooding the same gives nothing.
func TestFloodingHidesTheFactor(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(53, 54))
	in := p.in
	x := numbers(p, rng, p.Slots())
	attack := func(answers int, hooks oleHooks) (near, exact int, solved bool) {
		views := make([]view, answers)
		for i := range views {
			views[i] = observe(t, p, numbers(p, rng, p.Slots()), x, hooks)
		}
		guess := leastSquares(views)
		truth := make([]uint64, in.n)
		in.encode(truth, x)
		modulus := new(big.Int).SetUint64(p.T())
		for i, g := range guess {
			want := centred(new(big.Int).SetUint64(truth[i]), modulus)
			if new(big.Int).Sub(want, g).BitLen() <= 10 {
				near++
			}
		}
		return near, matches(in.slots(guess), x), views[0].solve(guess)
	}
	if near, _, _ := attack(1, oleHooks{flooding: in.withoutFlooding()}); near < in.n*9/10 {
		t.Errorf("without flooding one answer gives only %d of %d coefficients to 10 bits: the attack tests nothing", near, in.n)
	}
	if _, exact, solved := attack(160, oleHooks{flooding: in.withoutFlooding()}); exact != in.n || !solved {
		t.Errorf("without flooding the attack finds %d of %d entries, solved is %v: it tests nothing", exact, in.n, solved)
	}
	for _, answers := range []int{1, 160} {
		if near, exact, solved := attack(answers, oleHooks{}); near > 0 || exact > 0 || solved {
			t.Errorf("%d answers: %d coefficients to 10 bits, %d of %d entries, solved is %v", answers, near, exact, in.n, solved)
		}
	}
}

// leastSquares estimates x from W_r ≈ E_r·x, refining on exact residuals until
// floating point is no limit.
func leastSquares(views []view) []*big.Int {
	in := views[0].in
	f := newNegacyclic(in.n)
	es, weights := make([][]complex128, len(views)), make([]float64, in.n/2)
	polys, ws := make([]ring.Poly, len(views)), make([]ring.Poly, len(views))
	for r, v := range views {
		polys[r], ws[r] = v.phase(v.c0, v.c1), v.phase(v.a0, v.a1)
		es[r] = f.transform(in.integers(polys[r]))
		for k, e := range es[r] {
			weights[k] += real(e)*real(e) + imag(e)*imag(e)
		}
		in.montgomery(polys[r])
	}
	guess := make([]*big.Int, in.n)
	for i := range guess {
		guess[i] = new(big.Int)
	}
	for range 3 {
		g, sum := in.poly(guess), make([]complex128, in.n/2)
		for r := range views {
			rest := *ws[r].CopyNew()
			in.ring.MulCoeffsMontgomeryThenSub(g, polys[r], rest)
			for k, w := range f.transform(in.integers(rest)) {
				sum[k] += cmplx.Conj(es[r][k]) * w
			}
		}
		for k := range sum {
			sum[k] /= complex(weights[k], 0)
		}
		for i, d := range f.inverse(sum) {
			step, _ := big.NewFloat(math.Round(d)).Int(nil)
			guess[i].Add(guess[i], step)
		}
	}
	return guess
}

// solve finds u for a guess of x, and says whether it is ternary.
func (v view) solve(guess []*big.Int) bool {
	in, rq := v.in, v.in.ring
	g := in.poly(guess)
	in.montgomery(g)
	// ⌈(W − E·x)/T⌉ = e_pk·u + s·e1
	rest := v.phase(v.a0, v.a1)
	rq.MulCoeffsMontgomeryThenSub(v.phase(v.c0, v.c1), g, rest)
	small := in.integers(rest)
	t := new(big.Int).SetUint64(in.lit.T)
	for _, x := range small {
		x.Add(x, t).Sub(x, big.NewInt(1)).Div(x, t)
	}
	h := in.poly(small)
	// a·u + e1 = c1' − c1·x; without e1: (e_pk − s·a)·u, and that is pk0·u.
	rest = *v.a1.CopyNew()
	rq.MulCoeffsMontgomeryThenSub(v.c1, g, rest)
	rq.MulCoeffsMontgomeryThenSub(rest, v.secret, h)
	for _, u := range in.integers(in.divided(negated(rq, h), negated(rq, v.pk0))) {
		if u.CmpAbs(big.NewInt(1)) > 0 {
			return false
		}
	}
	return true
}

func negated(rq *ring.Ring, a ring.Poly) ring.Poly {
	out := *a.CopyNew()
	rq.Neg(out, out)
	return out
}

// negacyclic evaluates real polynomials at exp(iπ(2k+1)/n), k < n/2; the other
// roots give the conjugates.
type negacyclic struct {
	n     int
	roots []complex128 // exp(iπj/n)
}

func newNegacyclic(n int) negacyclic {
	f := negacyclic{n: n, roots: make([]complex128, 2*n)}
	for j := range f.roots {
		f.roots[j] = cmplx.Rect(1, math.Pi*float64(j)/float64(n))
	}
	return f
}

func (f negacyclic) transform(xs []*big.Int) []complex128 {
	values := make([]float64, f.n)
	for i, x := range xs {
		values[i], _ = new(big.Float).SetInt(x).Float64()
	}
	out := make([]complex128, f.n/2)
	for k := range out {
		var sum complex128
		step := 2*k + 1
		for i, at := 0, 0; i < f.n; i, at = i+1, (at+step)&(2*f.n-1) {
			sum += complex(values[i], 0) * f.roots[at]
		}
		out[k] = sum
	}
	return out
}

func (f negacyclic) inverse(ys []complex128) []float64 {
	out := make([]float64, f.n)
	for i := range out {
		var sum float64
		for k, y := range ys {
			sum += real(y * cmplx.Conj(f.roots[(2*k+1)*i&(2*f.n-1)]))
		}
		out[i] = 2 * sum / float64(f.n)
	}
	return out
}

// TestAnswersLookAlikeWhateverTheFactor: to the requester, who knows the key, the
// noise of an answer is uniform in ±B and c1' is uniform mod Q, for a factor of 0
// and for an extreme one. Without flooding the noise shows the factor.
func TestAnswersLookAlikeWhateverTheFactor(t *testing.T) {
	p, rng := fullProducts(t), rand.New(rand.NewPCG(55, 56))
	in := p.in
	b := numbers(p, rng, p.Slots())
	width := new(big.Int).Lsh(big.NewInt(1), uint(in.lit.LogFlooding+1))
	noise := func(x []uint64, hooks oleHooks) (phase, c1 float64) {
		v := observe(t, p, b, x, hooks)
		ns := in.integers(v.phase(v.a0, v.a1))
		for _, n := range ns {
			n.Quo(n, new(big.Int).SetUint64(p.T()))
			n.Add(n, new(big.Int).Rsh(width, 1))
		}
		return chiSquare(cellsOf(ns, width)), chiSquare(cellsOf(in.integers(v.a1), in.modulusOf(productLimbs)))
	}
	for name, x := range map[string][]uint64{"zero": make([]uint64, p.Slots()), "full": numbers(p, rng, p.Slots())} {
		phase, c1 := noise(x, oleHooks{})
		if phase > chiLimit || c1 > chiLimit {
			t.Errorf("%s: χ² of the noise is %.0f, of c1' %.0f, at most %.0f expected", name, phase, c1, chiLimit)
		}
		if phase, _ := noise(x, oleHooks{flooding: in.withoutFlooding()}); phase < 2*chiLimit {
			t.Errorf("%s: without flooding the noise passes for uniform: χ² is %.0f", name, phase)
		}
	}
	if _, c1 := noise(make([]uint64, p.Slots()), oleHooks{noZero: true}); c1 < 2*chiLimit {
		t.Errorf("without the encryption of zero c1' of a factor of 0 passes for uniform: χ² is %.0f", c1)
	}
}
