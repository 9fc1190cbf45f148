package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"io"
	"math"
	"math/big"
	"math/bits"
	"testing"
)

// stream is a deterministic AES-CTR stream: a test with a fixed seed draws the
// same samples every time, so a statistical test passes always or never.
func stream(t testing.TB, seed string) io.Reader {
	t.Helper()
	key := sha256.Sum256([]byte(seed))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		t.Fatal(err)
	}
	return cipher.StreamReader{S: cipher.NewCTR(block, make([]byte, aes.BlockSize)), R: zeros{}}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// rat reads a rational, "3.7" or "20/3".
func rat(t testing.TB, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no rational", s)
	}
	return r
}

func power2(n uint) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), n))
}

func laplaceLaw(t testing.TB, scale *big.Rat) Law {
	t.Helper()
	l, err := NewLaplace(scale)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func gaussianLaw(t testing.TB, sigma2 *big.Rat) Law {
	t.Helper()
	l, err := NewGaussian(sigma2)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func draws(t testing.TB, seed string, l Law, n int) []int64 {
	t.Helper()
	d, err := Vector(stream(t, seed), l, n)
	if err != nil {
		t.Fatal(err)
	}
	return d.Values
}

// upTo is P(X ≤ k) in floating point, by formulas of the test's own.
type upTo func(k float64) float64

func laplaceCDF(b float64) upTo {
	q := math.Exp(-1 / b)
	return func(k float64) float64 {
		if k < 0 {
			return math.Exp(k/b) / (1 + q)
		}
		return 1 - math.Exp(-(k+1)/b)/(1+q)
	}
}

// gaussianCDF adds up the definition where that is possible; from 2^21 on it
// is the normal integral to k+1/2, which differs by less than 1/σ².
func gaussianCDF(sigma float64) upTo {
	if sigma > 1<<21 {
		return func(k float64) float64 { return math.Erfc(-(k+0.5)/(sigma*math.Sqrt2)) / 2 }
	}
	reach := int(math.Ceil(9 * sigma))
	sums := make([]float64, 2*reach+1)
	total := 0.0
	for i := range sums {
		x := float64(i - reach)
		total += math.Exp(-x * x / (2 * sigma * sigma))
		sums[i] = total
	}
	return func(k float64) float64 {
		i := int(k) + reach
		switch {
		case i < 0:
			return 0
		case i >= len(sums):
			return 1
		}
		return sums[i] / total
	}
}

// equalBins returns ascending upper ends of bins of about equal probability,
// none of them empty; a last bin takes everything above.
func equalBins(cdf upTo, scale float64, count int) []float64 {
	var ends []float64
	for i := 1; i < count; i++ {
		low, high := math.Floor(-60*scale), math.Ceil(60*scale)
		for range 64 { // smallest k with cdf(k) ≥ i/count, as far as floats have one
			middle := math.Floor((low + high) / 2)
			if middle == high {
				break
			}
			if cdf(middle) >= float64(i)/float64(count) {
				high = middle
			} else {
				low = min(middle+1, high)
			}
		}
		if len(ends) == 0 || low > ends[len(ends)-1] {
			ends = append(ends, low)
		}
	}
	if 1-cdf(ends[len(ends)-1]) < 1e-3 { // the last bin would be nearly empty
		ends = ends[:len(ends)-1]
	}
	return ends
}

// chiSquared returns the statistic of the samples on the bins, over its 99.9 %
// point: above 1 is a distribution other than the promised one.
func chiSquared(samples []int64, cdf upTo, ends []float64) float64 {
	counts := make([]float64, len(ends)+1)
	for _, x := range samples {
		low, high := 0, len(ends)
		for low < high {
			middle := (low + high) / 2
			if float64(x) <= ends[middle] {
				high = middle
			} else {
				low = middle + 1
			}
		}
		counts[low]++
	}
	expected := make([]float64, len(counts))
	before := 0.0
	for i := range expected {
		upper := 1.0
		if i < len(ends) {
			upper = cdf(ends[i])
		}
		expected[i] = (upper - before) * float64(len(samples))
		before = upper
	}
	return overCritical(counts, expected)
}

// overCritical is Σ(O−E)²/E over the 99.9 % point of its distribution (Wilson
// and Hilferty's approximation).
func overCritical(observed, expected []float64) float64 {
	sum := 0.0
	for i, o := range observed {
		sum += (o - expected[i]) * (o - expected[i]) / expected[i]
	}
	k := float64(len(observed) - 1)
	critical := k * math.Pow(1-2/(9*k)+3.0902*math.Sqrt(2/(9*k)), 3)
	return sum / critical
}

// lowBits is the chi-squared test of the lowest 6 bits for uniformity.
func lowBits(samples []int64) float64 {
	counts, expected := make([]float64, 64), make([]float64, 64)
	for _, x := range samples {
		counts[x&63]++
	}
	for i := range expected {
		expected[i] = float64(len(samples)) / 64
	}
	return overCritical(counts, expected)
}

func gcd(samples []int64) uint64 {
	g := new(big.Int)
	for _, x := range samples {
		g.GCD(nil, nil, g, new(big.Int).Abs(big.NewInt(x)))
	}
	return g.Uint64()
}

// moments returns mean and variance about zero.
func moments(samples []int64) (mean, variance float64) {
	for _, x := range samples {
		mean += float64(x) / float64(len(samples))
		variance += float64(x) * float64(x) / float64(len(samples))
	}
	return mean, variance
}

func nextPower(x float64) float64 {
	return math.Ldexp(1, bits.Len64(uint64(math.Ceil(x))-1))
}
