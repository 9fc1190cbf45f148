package noise

import (
	"errors"
	"math"
	"math/big"
	"testing"
)

func integer(t testing.TB, s string) *big.Int {
	t.Helper()
	v, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatalf("%q is no integer", s)
	}
	return v
}

// Values from mpmath with 50 digits: corollary 13 maximised over α by another
// search. Ours may be above the optimum, by a millionth, never below.
func TestGaussianVarianceAgreesWithHighPrecision(t *testing.T) {
	for _, c := range []struct{ l2squared, epsilon, delta, want string }{
		{"1", "1", "1e-5", "16.36307961557915902252143"},
		{"1", "0.5", "1e-9", "126.4800972527627936238611"},
		{"25", "0.1", "1e-9", "70566.27287098078244271062"},
		{"1000000000000", "0.37", "2.5e-7", "151052170941985.612691365"},
		{"1267650600228229401496703217721", "0.01", "1e-12", "4.667870389197932398652036e+35"},
		{"1", "1", "0.5", "0.4919495689877001520487866"},
	} {
		got, err := GaussianVariance(integer(t, c.l2squared), rat(t, c.epsilon), rat(t, c.delta))
		if err != nil {
			t.Fatal(err)
		}
		want := rat(t, c.want)
		high := new(big.Rat).Mul(want, big.NewRat(1_000_001, 1_000_000))
		low := new(big.Rat).Mul(want, new(big.Rat).Sub(big.NewRat(1, 1), big.NewRat(1, 1e18)))
		high.Add(high, big.NewRat(1, 1_000_000)) // rounded up to a millionth
		if got.Cmp(low) < 0 || got.Cmp(high) > 0 {
			t.Errorf("Δ² = %s, ε = %s, δ = %s: σ² = %s, not %s", c.l2squared, c.epsilon, c.delta, got.FloatString(6), c.want)
		}
	}
}

// Where delta is close to 1 or epsilon is tiny, rounding must stay on the safe
// side: more privacy never takes less noise.
func TestGaussianVarianceGrowsWithPrivacy(t *testing.T) {
	before := new(big.Rat)
	for _, c := range []struct{ epsilon, delta string }{
		{"1", "0.999999999999999999999999999999"}, {"1", "0.5"}, {"1", "1e-5"}, {"1", "1e-99"},
		{"0.001", "1e-99"}, {"0.000000000000000000000000000001", "1e-99"},
	} {
		v, err := GaussianVariance(one, rat(t, c.epsilon), rat(t, c.delta))
		if err != nil {
			t.Fatal(err)
		}
		if v.Cmp(before) <= 0 {
			t.Errorf("ε = %s, δ = %s: σ² = %s, less than with less privacy", c.epsilon, c.delta, v)
		}
		before = v
	}
}

// The promise itself, from its definition: Σ max(0, P(x) − e^ε·P(x−d)) ≤ δ,
// added up over the distribution. Three quarters of the variance break it,
// so the calibration is not merely huge.
func TestGaussianVarianceKeepsItsPromise(t *testing.T) {
	loss := func(sigma2, epsilon float64, d int) float64 {
		reach := int(14*math.Sqrt(sigma2)) + d
		var total, sum float64
		for x := -reach; x <= reach; x++ {
			total += math.Exp(-float64(x*x) / (2 * sigma2))
		}
		for x := -reach; x <= reach; x++ {
			p, q := math.Exp(-float64(x*x)/(2*sigma2)), math.Exp(-float64((x-d)*(x-d))/(2*sigma2))
			sum += math.Max(0, p-math.Exp(epsilon)*q)
		}
		return sum / total
	}
	for _, d := range []int{1, 5, 100} {
		for _, epsilon := range []string{"0.1", "0.5", "1"} {
			for _, delta := range []string{"1e-5", "1e-9"} {
				v, err := GaussianVariance(big.NewInt(int64(d*d)), rat(t, epsilon), rat(t, delta))
				if err != nil {
					t.Fatal(err)
				}
				sigma2, _ := v.Float64()
				e, _ := rat(t, epsilon).Float64()
				limit, _ := rat(t, delta).Float64()
				if got := loss(sigma2, e, d); got > limit {
					t.Errorf("d = %d, ε = %s: δ is %g, more than %s", d, epsilon, got, delta)
				}
				if got := loss(sigma2*0.75, e, d); got < limit {
					t.Errorf("d = %d, ε = %s: δ is %g with 0.75 of the variance, within %s", d, epsilon, got, delta)
				}
			}
		}
	}
}

func TestLaplaceScaleIsExact(t *testing.T) {
	for _, c := range []struct{ l1, epsilon, want string }{
		{"1", "1", "1"},
		{"1", "0.3", "10/3"},
		{"123456789", "0.37", "12345678900/37"},
		{"72057594037927935", "0.000000000001", "72057594037927935000000000000"},
	} {
		epsilon := rat(t, c.epsilon)
		scale, err := LaplaceScale(integer(t, c.l1), epsilon)
		if err != nil || scale.Cmp(rat(t, c.want)) != 0 {
			t.Errorf("%s/%s: %v, %v", c.l1, c.epsilon, scale, err)
			continue
		}
		// The largest ratio of probabilities, exp(l1/scale), is e^ε exactly.
		if loss := new(big.Rat).Quo(rat(t, c.l1), scale); loss.Cmp(epsilon) != 0 {
			t.Errorf("%s/%s: loss %s", c.l1, c.epsilon, loss)
		}
	}
}

func TestCalibrationsRefuseWhatTheyCannotPromise(t *testing.T) {
	ok, half, tiny := big.NewInt(5), big.NewRat(1, 2), big.NewRat(1, 1e9)
	tooLong := new(big.Rat).Inv(power2(600))
	for name, c := range map[string]struct {
		l              *big.Int
		epsilon, delta *big.Rat
	}{
		"no sensitivity":       {nil, half, tiny},
		"sensitivity 0":        {big.NewInt(0), half, tiny},
		"negative sensitivity": {big.NewInt(-1), half, tiny},
		"huge sensitivity":     {new(big.Int).Lsh(one, 2*MaxScaleBits), half, tiny},
		"no epsilon":           {ok, nil, tiny},
		"epsilon 0":            {ok, new(big.Rat), tiny},
		"negative epsilon":     {ok, big.NewRat(-1, 2), tiny},
		"epsilon above 1":      {ok, big.NewRat(1001, 1000), tiny},
		"no delta":             {ok, half, nil},
		"delta 0":              {ok, half, new(big.Rat)},
		"negative delta":       {ok, half, big.NewRat(-1, 9)},
		"delta 1":              {ok, half, big.NewRat(1, 1)},
		"delta of 600 bits":    {ok, half, tooLong},
	} {
		if v, err := GaussianVariance(c.l, c.epsilon, c.delta); !errors.Is(err, ErrBudget) {
			t.Errorf("Gaussian, %s: %v, %v", name, v, err)
		}
		if c.delta != tiny {
			continue
		}
		if v, err := LaplaceScale(c.l, c.epsilon); !errors.Is(err, ErrBudget) {
			t.Errorf("Laplace, %s: %v, %v", name, v, err)
		}
	}
}
