package noise

import (
	"math"
	"math/big"
	"testing"
)

const sampleCount = 20_000

// scales are those of the promise, and two of the general path: 2^80 and more
// in numerator and denominator.
var scales = map[string]struct {
	exact func(t testing.TB) *big.Rat
	float float64
}{
	"1":    {func(t testing.TB) *big.Rat { return rat(t, "1") }, 1},
	"3.7":  {func(t testing.TB) *big.Rat { return rat(t, "3.7") }, 3.7},
	"1000": {func(t testing.TB) *big.Rat { return rat(t, "1000") }, 1000},
	"2^20": {func(testing.TB) *big.Rat { return power2(20) }, 1 << 20},
	"2^50": {func(testing.TB) *big.Rat { return power2(50) }, 1 << 50},
	"2^56": {func(testing.TB) *big.Rat { return power2(56) }, 1 << 56},
	"3.7 with a long tail": {func(t testing.TB) *big.Rat {
		return rat(t, "3.700000000000000000000000000000000001")
	}, 3.7},
	"2^40 with a long tail": {func(t testing.TB) *big.Rat {
		return rat(t, "1099511627776.000000000000000000000000000001")
	}, 1 << 40},
}

func TestSamplesFollowThePromisedDistribution(t *testing.T) {
	check := func(t *testing.T, l Law, cdf upTo, scale, variance, kurtosis float64) {
		t.Helper()
		samples := draws(t, t.Name(), l, sampleCount)
		ends := equalBins(cdf, scale, 64)
		if len(ends) < 4 {
			t.Fatalf("only %d bins", len(ends)+1)
		}
		if c := chiSquared(samples, cdf, ends); c > 1 {
			t.Errorf("chi-squared on %d bins is %.2f of its 99.9 %% point", len(ends)+1, c)
		}
		mean, got := moments(samples)
		if limit := 5 * math.Sqrt(variance/sampleCount); math.Abs(mean) > limit {
			t.Errorf("mean is %g, beyond %g", mean, limit)
		}
		if limit := 5 * math.Sqrt((kurtosis-1)/sampleCount); math.Abs(got/variance-1) > limit {
			t.Errorf("variance is %g, not %g within %.3f", got, variance, limit)
		}
		balance := 0
		for _, x := range samples {
			switch {
			case x > 0:
				balance++
			case x < 0:
				balance--
			}
		}
		if math.Abs(float64(balance)) > 5*math.Sqrt(sampleCount) {
			t.Errorf("%+d more positive than negative samples", balance)
		}
		if g := gcd(samples); g != 1 {
			t.Errorf("all samples are multiples of %d", g)
		}
		if scale < 1<<20 {
			return
		}
		if c := lowBits(samples); c > 1 {
			t.Errorf("chi-squared of the low bits is %.2f of its 99.9 %% point", c)
		}
	}
	for name, scale := range scales {
		t.Run("Laplace "+name, func(t *testing.T) {
			l := laplaceLaw(t, scale.exact(t))
			e := math.Expm1(1 / scale.float)
			check(t, l, laplaceCDF(scale.float), scale.float, 2*(1+e)/(e*e), 6.5)
		})
		t.Run("Gaussian "+name, func(t *testing.T) {
			sigma := scale.exact(t)
			l := gaussianLaw(t, sigma.Mul(sigma, sigma))
			check(t, l, gaussianCDF(scale.float), scale.float, scale.float*scale.float, 3)
		})
	}
}

// A chi-squared test that accepts everything proves nothing: it must refuse
// samples whose scale is 10 % off, and Laplace for Gaussian.
func TestChiSquaredRefusesOtherDistributions(t *testing.T) {
	samples := draws(t, t.Name(), laplaceLaw(t, rat(t, "1000")), sampleCount)
	for name, cdf := range map[string]upTo{
		"scale 10 % smaller":       laplaceCDF(900),
		"scale 10 % larger":        laplaceCDF(1100),
		"Gaussian of its variance": gaussianCDF(1000 * math.Sqrt2),
	} {
		if c := chiSquared(samples, cdf, equalBins(cdf, 1000, 64)); c <= 1 {
			t.Errorf("%s is accepted: %.2f of the 99.9 %% point", name, c)
		}
	}
}

// floatLaplace is how libraries draw: invert the distribution in floating
// point and round to a granularity (Google's use a power of two near
// scale/2^40), so that the bits of the mantissa suffice.
func floatLaplace(t *testing.T, seed string, scale, granularity float64, n int) []int64 {
	t.Helper()
	s := newSource(stream(t, seed), 4096)
	out := make([]int64, n)
	for i := range out {
		w, err := s.word()
		if err != nil {
			t.Fatal(err)
		}
		x := -scale * math.Log((float64(w>>12)+0.5)/(1<<52))
		if w&1 == 1 {
			x = -x
		}
		out[i] = int64(math.Round(x/granularity) * granularity)
	}
	return out
}

// The attack that granularity 1 is for: the opened sum modulo the granularity
// is the exact sum modulo the granularity.
func TestFloatingPointNoiseFailsTheGranularityTests(t *testing.T) {
	for _, log := range []int{44, 50, 56} {
		scale := math.Ldexp(1, log)
		samples := floatLaplace(t, t.Name(), scale, nextPower(scale/(1<<40)), sampleCount)
		if g, want := gcd(samples), uint64(1)<<(log-40); g != want {
			t.Errorf("scale 2^%d: gcd of the library's samples is %d, not %d", log, g, want)
		}
		if c := lowBits(samples); c <= 1 {
			t.Errorf("scale 2^%d: the library's low bits pass for random", log)
		}
		cdf := laplaceCDF(scale)
		if c := chiSquared(samples, cdf, equalBins(cdf, scale, 64)); c > 1 {
			t.Errorf("scale 2^%d: the library's samples fail on bins too (%.2f): they show nothing about granularity", log, c)
		}
		exact := draws(t, t.Name(), laplaceLaw(t, power2(uint(log))), sampleCount)
		if g, c := gcd(exact), lowBits(exact); g != 1 || c > 1 {
			t.Errorf("scale 2^%d: gcd of our samples is %d, their low bits are %.2f of the 99.9 %% point", log, g, c)
		}
	}
	// Even unrounded, a float64 of 2^54 and more has no low bits.
	if c := lowBits(floatLaplace(t, t.Name(), 1<<56, 1, sampleCount)); c <= 1 {
		t.Error("unrounded floats of scale 2^56 pass for random in their low bits")
	}
}

// One of t nodes is curious and takes its noise off: what is left is still at
// least what was promised.
func TestNoiseIsEnoughWithOneNodesWithheld(t *testing.T) {
	scale := rat(t, "1000")
	law := laplaceLaw(t, scale)
	single, err := Variance(law, 1)
	if err != nil {
		t.Fatal(err)
	}
	promised, _ := single.Float64()
	half, err := Interval95(law, 1)
	if err != nil {
		t.Fatal(err)
	}
	cdf := laplaceCDF(1000)
	for nodes := 2; nodes <= 4; nodes++ {
		parts := make([][]int64, nodes)
		for i := range parts {
			parts[i] = draws(t, t.Name()+string(rune('0'+i)), law, sampleCount)
		}
		for withheld := range parts {
			left := make([]int64, sampleCount)
			for i, part := range parts {
				for j, x := range part {
					if i != withheld {
						left[j] += x
					}
				}
			}
			_, variance := moments(left)
			if want := promised * float64(nodes-1); math.Abs(variance/want-1) > 0.08 {
				t.Errorf("%d nodes without %d: variance %g, not %g", nodes, withheld, variance, want)
			}
			if nodes == 2 {
				if c := chiSquared(left, cdf, equalBins(cdf, 1000, 64)); c > 1 {
					t.Errorf("2 nodes without %d: chi-squared is %.2f of its 99.9 %% point", withheld, c)
				}
			}
			outside := 0
			for _, x := range left {
				if x > half.Int64() || -x > half.Int64() {
					outside++
				}
			}
			if share := float64(outside) / sampleCount; share < 0.045 {
				t.Errorf("%d nodes without %d: %.3f outside one node's 95 %% interval", nodes, withheld, share)
			}
		}
	}
}
