package noise

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"
)

// convolved returns P(|S| > m) of the sum of t samples with the given
// probability of x, for m = 0, 1, …, by plain convolution in floating point.
func convolved(mass func(x float64) float64, reach, t int) []float64 {
	single := make([]float64, 2*reach+1)
	total := 0.0
	for i := range single {
		single[i] = mass(float64(i - reach))
		total += single[i]
	}
	for i := range single {
		single[i] /= total
	}
	sum := single
	for range t - 1 {
		next := make([]float64, len(sum)+2*reach)
		for i, a := range sum {
			for j, b := range single {
				next[i+j] += a * b
			}
		}
		sum = next
	}
	centre := (len(sum) - 1) / 2
	outside := make([]float64, centre+1)
	for m := centre - 1; m >= 0; m-- {
		outside[m] = outside[m+1] + sum[centre+m+1] + sum[centre-m-1]
	}
	return outside
}

// smallest returns the first m whose tail is at most p.
func smallest(t *testing.T, outside []float64, p float64) int64 {
	t.Helper()
	for m, tail := range outside {
		if math.Abs(tail/p-1) < 1e-9 {
			t.Fatalf("the tail at %d is %g: floating point cannot decide", m, tail)
		}
		if tail <= p {
			return int64(m)
		}
	}
	t.Fatal("reach is too small")
	return 0
}

func TestBoundsAreTheSmallestWhereTheyAreAddedUp(t *testing.T) {
	for _, scale := range []string{"1", "3.7", "20"} {
		b, _ := rat(t, scale).Float64()
		laplace := func(x float64) float64 { return math.Exp(-math.Abs(x) / b) }
		gauss := func(x float64) float64 { return math.Exp(-x * x / (2 * b * b)) }
		for _, nodes := range []int{1, 2, 3, 5} {
			l, g := laplaceLaw(t, rat(t, scale)), gaussianLaw(t, new(big.Rat).Mul(rat(t, scale), rat(t, scale)))
			wide, narrow := convolved(laplace, int(50*b), nodes), convolved(gauss, int(9*b)+1, nodes)

			half, err := Interval95(l, nodes)
			if want := smallest(t, wide, 0.05); err != nil || half.Int64() != want {
				t.Errorf("95 %% of %d × %s is %s (%v), not %d", nodes, l, half, err, want)
			}
			for _, log2p := range []int{1, 10, 30} {
				m, err := Tail(l, nodes, log2p)
				if want := smallest(t, wide, math.Ldexp(1, -log2p)); err != nil || m.Int64() != want {
					t.Errorf("tail 2^-%d of %d × %s is %s (%v), not %d", log2p, nodes, l, m, err, want)
				}
				m, err = Tail(g, nodes, log2p)
				want := smallest(t, narrow, math.Ldexp(1, -log2p))
				loose := map[int]float64{1: 2.5, 10: 1.2, 30: 1.08}[log2p] // of Chernoff's bound
				if err != nil || m.Int64() < want || float64(m.Int64()) > loose*float64(want)+2 {
					t.Errorf("tail 2^-%d of %d × %s is %s (%v), the smallest is %d", log2p, nodes, g, m, err, want)
				}
			}
			half, err = Interval95(g, nodes)
			want := smallest(t, narrow, 0.05)
			above := int64(0)
			if b >= 4 {
				above = 1 // promised from σ² = 16 on
			}
			if err != nil || half.Int64() < want || half.Int64() > want+above {
				t.Errorf("95 %% of %d × %s is %s (%v), not %d", nodes, g, half, err, want)
			}
		}
	}
}

// Values from mpmath with 80 digits: the closed form for one node, and for
// more the continuous distribution, P(|S| > x) = e^-x(1 + x/2) for two and
// e^-x(1 + 5x/8 + x²/8) for three, which at scale 2^50 differs by less than 2.
func TestLaplaceBoundsAgreeWithHighPrecision(t *testing.T) {
	for _, c := range []struct {
		scale        string
		nodes, log2p int
		want, within int64
	}{
		{"1", 1, 4, 3, 0},
		{"1", 1, 60, 41, 0},
		{"3.7", 1, 4, 10, 0},
		{"3.7", 1, 60, 154, 0},
		{"1000", 1, 4, 2773, 0},
		{"1000", 1, 60, 41589, 0},
		{"1048576", 1, 4, 2907270, 0},
		{"1048576", 1, 60, 43609050, 0},
		{"1125899906842624", 1, 4, 3121657384082680, 0},
		{"1125899906842624", 1, 60, 46824860761240194, 0},
		{"1125899906842624", 2, 60, 50373088557871669, 2},
		{"1125899906842624", 3, 60, 53285708775580369, 2},
		{"1125899906842624", 2, 0, 4630830010605648, 2},
		{"1125899906842624", 3, 0, 5594141773743212, 2},
	} {
		l := laplaceLaw(t, rat(t, c.scale))
		m, err := Interval95(l, c.nodes)
		if c.log2p > 0 {
			m, err = Tail(l, c.nodes, c.log2p)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := m.Int64() - c.want; diff < -c.within || diff > c.within {
			t.Errorf("2^-%d of %d × %s: %s, not %d within %d", c.log2p, c.nodes, l, m, c.want, c.within)
		}
	}
}

func TestGaussianBoundsOfWideNoise(t *testing.T) {
	g := gaussianLaw(t, power2(100))
	for _, nodes := range []int{1, 2, 3, 64} {
		deviation := math.Ldexp(math.Sqrt(float64(nodes)), 50)
		for log2p, factor := range map[int]float64{0: 1.959963984540054, 60: math.Sqrt(2 * 61 * math.Ln2)} {
			m, err := Interval95(g, nodes)
			if log2p > 0 {
				m, err = Tail(g, nodes, log2p)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _ := new(big.Float).SetInt(m).Float64()
			if math.Abs(got/(factor*deviation)-1) > 1e-14 {
				t.Errorf("2^-%d of %d nodes: %g, not %g", log2p, nodes, got, factor*deviation)
			}
		}
	}
	// The exact tail of 2^-60 is at 8.851 deviations, Chernoff's bound at 9.196.
	bound, exact := math.Sqrt(2*61*math.Ln2), 8.851003068386147
	if math.Abs(math.Erfc(exact/math.Sqrt2)/math.Ldexp(1, -60)-1) > 1e-9 || bound/exact > 1.04 {
		t.Errorf("Chernoff's bound is %.4f of the exact one, not the documented 4 %% above", bound/exact)
	}
}

// The interval holds for noise that was really drawn and added up.
func TestIntervalsCoverTheSumOfAllNodes(t *testing.T) {
	for _, l := range []Law{
		laplaceLaw(t, rat(t, "1000")), laplaceLaw(t, power2(50)),
		gaussianLaw(t, rat(t, "9")), gaussianLaw(t, rat(t, "1000000")), gaussianLaw(t, power2(100)),
	} {
		sum := make([]int64, sampleCount)
		for nodes := 1; nodes <= 3; nodes++ {
			for i, x := range draws(t, fmt.Sprint(t.Name(), l, nodes), l, sampleCount) {
				sum[i] += x
			}
			half, err := Interval95(l, nodes)
			if err != nil {
				t.Fatal(err)
			}
			tail, err := Tail(l, nodes, 60)
			if err != nil {
				t.Fatal(err)
			}
			inside := 0
			for _, x := range sum {
				if x <= half.Int64() && -x <= half.Int64() {
					inside++
				}
				if x > tail.Int64() || -x > tail.Int64() {
					t.Errorf("%d × %s: %d is beyond the 2^-60 bound %s", nodes, l, x, tail)
				}
			}
			// Narrow noise covers more than 95 %, for want of an integer between.
			high := 0.957
			if half.Int64() < 100 {
				high = 0.985
			}
			if share := float64(inside) / sampleCount; share < 0.943 || share > high {
				t.Errorf("%d × %s: %.4f of the sums are within ± %s", nodes, l, share, half)
			}
		}
	}
}

// At the limits bounds come at all, and what they are.
func TestBoundsAreFoundAtTheLimits(t *testing.T) {
	for _, l := range []Law{laplaceLaw(t, power2(56)), gaussianLaw(t, rat(t, "15.9")), gaussianLaw(t, power2(112))} {
		tail, err := Tail(l, MaxNodes, maxLog2P)
		if err != nil {
			t.Fatal(err)
		}
		half, err := Interval95(l, MaxNodes)
		if err != nil {
			t.Fatal(err)
		}
		if half.Sign() <= 0 || half.Cmp(tail) >= 0 {
			t.Errorf("%s: interval %s, tail %s", l, half, tail)
		}
	}
}

func TestQuestionsOutsideTheLimitsAreRefused(t *testing.T) {
	l := laplaceLaw(t, rat(t, "5"))
	for _, nodes := range []int{-1, 0, MaxNodes + 1} {
		_, tail := Tail(l, nodes, 60)
		_, half := Interval95(l, nodes)
		_, variance := Variance(l, nodes)
		_, describe := Describe(l, nodes, 0)
		for _, err := range []error{tail, half, variance, describe} {
			if !errors.Is(err, ErrQuery) {
				t.Errorf("%d nodes: %v", nodes, err)
			}
		}
	}
	for _, log2p := range []int{-1, 0, maxLog2P + 1} {
		if _, err := Tail(l, 1, log2p); !errors.Is(err, ErrQuery) {
			t.Errorf("2^-%d: %v", log2p, err)
		}
	}
	for _, decimals := range []int{-1, maxDecimals + 1} {
		if _, err := Describe(l, 1, decimals); !errors.Is(err, ErrQuery) {
			t.Errorf("%d decimals: %v", decimals, err)
		}
	}
}

func TestVarianceAgreesWithTheDefinition(t *testing.T) {
	for _, b := range []float64{1, 3.7, 20} {
		scale := new(big.Rat).SetFrac64(int64(math.Round(b*10)), 10)
		for l, mass := range map[Law]func(x float64) float64{
			laplaceLaw(t, scale): func(x float64) float64 { return math.Exp(-math.Abs(x) / b) },
			gaussianLaw(t, new(big.Rat).Mul(scale, scale)): func(x float64) float64 {
				return math.Exp(-x * x / (2 * b * b))
			},
		} {
			var weight, want float64
			for x := -60 * b; x <= 60*b; x++ {
				x := math.Round(x)
				weight += mass(x)
				want += mass(x) * x * x
			}
			want *= 3 / weight
			v, err := Variance(l, 3)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := v.Float64(); math.Abs(got/want-1) > 1e-12 {
				t.Errorf("3 × %s: variance %g, not %g", l, got, want)
			}
		}
	}
	// Below σ² = 16 the variance is visibly less than σ².
	v, err := Variance(gaussianLaw(t, big.NewRat(1, 4)), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := v.Float64(); got > 0.22 || got < 0.20 {
		t.Errorf("variance at σ² = 1/4 is %g", got)
	}
}

func TestDescribeStatesTheNoiseOfAllNodes(t *testing.T) {
	for _, c := range []struct {
		law             Law
		nodes, decimals int
		want            Description
	}{
		// 1000·√2·√2 = 2000 and 4.113·1000, in tenths
		{laplaceLaw(t, rat(t, "1000")), 2, 1, Description{"discrete_laplace", "100", 2, "200", "411.3"}},
		{laplaceLaw(t, rat(t, "20/3")), 1, 0, Description{"discrete_laplace", "6.667", 1, "9.42", "20"}},
		{gaussianLaw(t, rat(t, "1000000")), 4, 2, Description{"discrete_gaussian", "10", 4, "20", "39.2"}},
		{gaussianLaw(t, rat(t, "2")), 1, 0, Description{"discrete_gaussian", "1.415", 1, "1.415", "3"}},
	} {
		got, err := Describe(c.law, c.nodes, c.decimals)
		if err != nil || got != c.want {
			t.Errorf("%d × %s: %+v, %v, want %+v", c.nodes, c.law, got, err, c.want)
		}
	}
}
