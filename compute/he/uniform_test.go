package he

import (
	"math"
	"math/big"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

const cells = 64

// chiSquare compares counts with a uniform distribution: about N(63, 126) if
// they are.
func chiSquare(counts [cells]int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	want := float64(total) / cells
	var sum float64
	for _, n := range counts {
		sum += (float64(n) - want) * (float64(n) - want) / want
	}
	return sum
}

// chiLimit is seven standard deviations: exceeded once in ten million draws or so.
var chiLimit = 63 + 7*math.Sqrt(126)

// cellsOf counts integers mod q by their top bits.
func cellsOf(xs []*big.Int, q *big.Int) (counts [cells]int) {
	for _, x := range xs {
		c := new(big.Int).Mod(x, q)
		c.Mul(c, big.NewInt(cells))
		counts[c.Quo(c, q).Int64()]++
	}
	return counts
}

// residual is T·(d_i − c1·s_i): what a contribution is to one who knows even the
// key share. Without masks it is T·e − M, far from uniform.
func residual(t *testing.T, c *cluster, o Opening, acc *Accumulator, i int) []*big.Int {
	t.Helper()
	in := c.p.in
	d, _, err := c.keys[i].Contribute(o, acc)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := acc.seal()
	if err != nil {
		t.Fatal(err)
	}
	x, c1 := ring.NewPoly(in.n, limbs-1), ring.NewPoly(in.n, limbs-1)
	in.load(x, d, kindContribution, 0)
	in.load(c1, sum.bytes, kindSum, 1)
	s := must[ring.Poly](t)(c.keys[i].additive(o.Active))
	in.he.RingQ().MulCoeffsMontgomeryThenSub(c1, s, x)
	out := in.coefficients(x)
	for _, v := range out {
		v.Mul(v, new(big.Int).SetUint64(in.lit.T))
	}
	return out
}

// TestContributionAloneIsUniform, for t ≥ 3, and stays so over three openings of
// one accumulator under different sets, their differences included.
func TestContributionAloneIsUniform(t *testing.T) {
	lit := DataParameters(4, 3)
	lit.LogN = 12
	p := must[Parameters](t)(newParameters(lit))
	c := newCluster(t, p)
	acc := c.accumulate(t, c.encrypt(t, []int64{1, -2, 3})...)
	q := p.in.modulus()
	sets := []Opening{c.opening(t, acc, []int{1, 2, 3}, 2), c.opening(t, acc, []int{1, 2, 4}, 2), c.opening(t, acc, []int{1, 3, 4}, 3)}
	residuals := func(unmasked bool) [][]*big.Int {
		c.keys[1].unmasked = unmasked
		defer func() { c.keys[1].unmasked = false }()
		var all [][]*big.Int
		for _, o := range sets {
			all = append(all, residual(t, c, o, acc, 1))
		}
		for i := range sets {
			for j := range i {
				diff := make([]*big.Int, p.in.n)
				for k := range diff {
					diff[k] = new(big.Int).Sub(all[i][k], all[j][k])
				}
				all = append(all, diff)
			}
		}
		return all
	}
	for i, r := range residuals(false) {
		if chi := chiSquare(cellsOf(r, q)); chi > chiLimit {
			t.Errorf("contribution or difference %d: χ² is %.0f, at most %.0f expected", i, chi, chiLimit)
		}
	}
	for i, r := range residuals(true) {
		if chi := chiSquare(cellsOf(r, q)); chi < 2*chiLimit {
			t.Errorf("without masks, contribution or difference %d passes for uniform: χ² is %.0f", i, chi)
		}
	}
}

// TestPlaintextSharesAreUniform: one node's slots say nothing.
func TestPlaintextSharesAreUniform(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	acc := c.accumulate(t, c.encrypt(t, []int64{5})...)
	modulus := new(big.Int).SetUint64(c.p.T())
	var shares [2][]*big.Int
	for attempt := range 16 {
		o := c.opening(t, acc, []int{1, 2}, 2)
		o.Attempt = attempt
		got := c.open(t, o, acc)
		for i := range shares {
			for _, x := range got[i+1] {
				shares[i] = append(shares[i], new(big.Int).SetUint64(x))
			}
		}
	}
	for i, s := range shares {
		if chi := chiSquare(cellsOf(s, modulus)); chi > chiLimit {
			t.Errorf("node %d: χ² is %.0f", i+1, chi)
		}
	}
}

// TestSmudgingIsUniformAtEveryWidth draws up to 2^122 and looks at the integers:
// range, top bits, low bits.
func TestSmudgingIsUniformAtEveryWidth(t *testing.T) {
	for _, logB := range []int{64, 65, 80, 100, 119, 120, 121, 122} {
		in, err := newInstance(ParametersLiteral{LogN: 12, Q: DataParameters(3, 2).Q, T: DataParameters(3, 2).T, Nodes: 3, Threshold: 2})
		if err != nil {
			t.Fatal(err)
		}
		in.derive(logB)
		s := must[*prf.Stream](t)(prf.Fresh())
		poly := ring.NewPoly(in.n, limbs-1)
		in.smudge(s, poly, make([]uint64, in.n))
		for l, r := range in.q {
			for _, x := range poly.Coeffs[l] {
				if x >= r.Modulus {
					t.Fatalf("2^%d: a residue is beyond its prime", logB)
				}
			}
		}
		b := new(big.Int).Lsh(big.NewInt(1), uint(logB))
		width := new(big.Int).Lsh(b, 1)
		var shifted, low []*big.Int
		for _, x := range in.integers(poly) {
			e := centred(x, in.modulus())
			if e.CmpAbs(b) > 0 {
				t.Fatalf("2^%d: a sample is %v", logB, e)
			}
			shifted = append(shifted, e.Add(e, b))
			low = append(low, new(big.Int).Mod(e, big.NewInt(1<<20)))
		}
		if chi := chiSquare(cellsOf(shifted, width)); chi > chiLimit {
			t.Errorf("2^%d: top bits have χ² %.0f", logB, chi)
		}
		if chi := chiSquare(cellsOf(low, big.NewInt(1<<20))); chi > chiLimit {
			t.Errorf("2^%d: low bits have χ² %.0f", logB, chi)
		}
	}
}

// TestLattigosGaussianIsUnfitForSmudging keeps the reason for our own sampler on
// record: at sigma 2^60 its negative samples underflow.
func TestLattigosGaussianIsUnfitForSmudging(t *testing.T) {
	in := small(t, 3, 2).in
	s := must[*prf.Stream](t)(prf.Fresh())
	sigma := math.Ldexp(1, 60)
	poly := ring.NewPoly(in.n, limbs-1)
	ring.NewGaussianSampler(s, in.he.RingQ(), ring.DiscreteGaussian{Sigma: sigma, Bound: 6 * sigma}, false).Read(poly)
	rms := rootMeanSquare(in.integers(poly), in.modulus())
	if ratio := rms / sigma; ratio > 0.8 && ratio < 1.25 {
		t.Errorf("rms is %.2f sigma: lattigo's sampler would do after all", ratio)
	}
	uniform := ring.NewPoly(in.n, limbs-1)
	in.smudge(s, uniform, make([]uint64, in.n))
	want := math.Ldexp(1, in.logB) / math.Sqrt(3)
	if ratio := rootMeanSquare(in.integers(uniform), in.modulus()) / want; ratio < 0.9 || ratio > 1.1 {
		t.Errorf("rms of our own is %.2f of B/√3", ratio)
	}
}

func rootMeanSquare(xs []*big.Int, q *big.Int) float64 {
	var sum float64
	for _, x := range xs {
		f, _ := new(big.Float).SetInt(centred(x, q)).Float64()
		sum += f * f
	}
	return math.Sqrt(sum / float64(len(xs)))
}

// TestTernaryIsUniform also holds that all residues agree.
func TestTernaryIsUniform(t *testing.T) {
	in := small(t, 3, 2).in
	s := must[*prf.Stream](t)(prf.Fresh())
	counts := map[int64]int{}
	poly := ring.NewPoly(in.n, limbs-1)
	for range 40 {
		in.ternary(s, poly)
		for _, x := range in.integers(poly) {
			counts[centred(x, in.modulus()).Int64()]++
		}
	}
	total := float64(40 * in.n)
	for v, n := range counts {
		if v < -1 || v > 1 || math.Abs(float64(n)-total/3) > 7*math.Sqrt(total*2/9) {
			t.Errorf("%d occurs %d times of %.0f", v, n, total)
		}
	}
}

// TestErrorsOfATileAreSmallGaussians at the width where lattigo's sampler is
// sound: sigma 3.2, never beyond the 19 that the noise bound counts on.
func TestErrorsOfATileAreSmallGaussians(t *testing.T) {
	in := small(t, 3, 2).in
	sampler := in.gaussian(must[*prf.Stream](t)(prf.Fresh()))
	poly := ring.NewPoly(in.n, limbs-1)
	var all []*big.Int
	for range 100 {
		sampler.Read(poly)
		all = append(all, in.integers(poly)...)
	}
	for _, e := range all {
		if centred(e, in.modulus()).CmpAbs(big.NewInt(errorBound)) > 0 {
			t.Fatalf("an error is %v", centred(e, in.modulus()))
		}
	}
	if rms := rootMeanSquare(all, in.modulus()); rms < 3.1 || rms > 3.3 {
		t.Errorf("sigma is %.3f", rms)
	}
}

// TestUniformRejects uses a modulus at which half the draws are rejected.
func TestUniformRejects(t *testing.T) {
	s := must[*prf.Stream](t)(prf.Fresh())
	q := uint64(1)<<59 + 1
	xs := make([]uint64, 1<<14)
	s.Uniform(xs, q)
	var ints []*big.Int
	for _, x := range xs {
		if x >= q {
			t.Fatal("not below the modulus")
		}
		ints = append(ints, new(big.Int).SetUint64(x))
	}
	if chi := chiSquare(cellsOf(ints, new(big.Int).SetUint64(q))); chi > chiLimit {
		t.Errorf("χ² is %.0f", chi)
	}
}
