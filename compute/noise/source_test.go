package noise

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// script is a source of the given words.
func script(words ...uint64) *source {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return newSource(bytes.NewReader(b), 8)
}

func TestBernoulliComparesDigitByDigit(t *testing.T) {
	const third = 0x5555555555555555 // every digit of 1/3 in base 2^64
	for name, c := range map[string]struct {
		p, q  uint64
		words []uint64
		want  bool
		used  int
	}{
		"below the first digit":      {1, 3, []uint64{third - 1}, true, 1},
		"above the first digit":      {1, 3, []uint64{third + 1}, false, 1},
		"decided by the second":      {1, 3, []uint64{third, third - 1}, true, 2},
		"decided against by a third": {1, 3, []uint64{third, third, third + 1}, false, 3},
		"a half, just below":         {1, 2, []uint64{1<<63 - 1}, true, 1},
		"a half exactly is not less": {1, 2, []uint64{1 << 63}, false, 1},
		"never":                      {0, 5, nil, false, 0},
		"always":                     {5, 5, nil, true, 0},
		"the largest denominator":    {math.MaxUint64 - 1, math.MaxUint64, []uint64{math.MaxUint64 - 1, math.MaxUint64}, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := script(c.words...)
			got, err := s.bernoulli(c.p, c.q)
			if err != nil || got != c.want {
				t.Errorf("bernoulli(%d, %d) = %v, %v, want %v", c.p, c.q, got, err, c.want)
			}
			if _, err := s.word(); !errors.Is(err, io.EOF) {
				t.Errorf("not all words were used: %v", err)
			}
			general, err := script(c.words...).bernoulliBig(new(big.Int).SetUint64(c.p), new(big.Int).SetUint64(c.q))
			if err != nil || general != c.want {
				t.Errorf("bernoulliBig(%d, %d) = %v, %v, want %v", c.p, c.q, general, err, c.want)
			}
		})
	}
}

func TestBernoulliExpHasItsProbability(t *testing.T) {
	const n = 200_000
	s := newSource(stream(t, t.Name()), 4096)
	for _, c := range []struct{ p, q uint64 }{{0, 1}, {1, 1000}, {1, 3}, {2, 3}, {999, 1000}, {1, 1}} {
		hits := 0
		for range n {
			hit, err := s.bernoulliExp(func() (bool, error) { return s.bernoulli(c.p, c.q) })
			if err != nil {
				t.Fatal(err)
			}
			if hit {
				hits++
			}
		}
		want := math.Exp(-float64(c.p) / float64(c.q))
		if limit := 5 * math.Sqrt(want*(1-want)/n); math.Abs(float64(hits)/n-want) > limit {
			t.Errorf("exp(-%d/%d): %d of %d, want %.5f within %.5f", c.p, c.q, hits, n, want, limit)
		}
	}
}

func TestBelowIsUniform(t *testing.T) {
	s := newSource(stream(t, t.Name()), 4096)
	for _, n := range []uint64{1, 2, 3, 7, 64, 100} {
		counts, expected := make([]float64, n), make([]float64, n)
		for range 10_000 {
			v, err := s.below(n)
			if err != nil {
				t.Fatal(err)
			}
			counts[v]++
		}
		for i := range expected {
			expected[i] = 10_000 / float64(n)
		}
		if c := overCritical(counts, expected); n > 1 && c > 1 {
			t.Errorf("below(%d): chi-squared is %.2f of its 99.9 %% point", n, c)
		}
	}
}

// Both Laplace samplers turn the same random bytes into the same samples.
func TestWordAndBigLaplaceAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		num := rapid.Uint64Range(1, math.MaxUint64).Draw(rt, "num")
		den := rapid.Uint64Range(max(1, num>>56), num).Draw(rt, "den")
		seed := rapid.String().Draw(rt, "seed")
		word := wordLaplace{num: num, den: den}
		general := newBigLaplace(new(big.Int).SetUint64(num), new(big.Int).SetUint64(den))
		a, b := newSource(stream(t, seed), 64), newSource(stream(t, seed), 64)
		for i := range 8 {
			x, errX := a.sample(word.try)
			y, errY := b.sample(general.try)
			if x != y || !errors.Is(errY, errX) {
				rt.Fatalf("sample %d of %d/%d: %d (%v) and %d (%v)", i, num, den, x, errX, y, errY)
			}
		}
	})
}

type repeating byte

func (c repeating) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

func TestStuckSourceIsAnErrorNotALoop(t *testing.T) {
	laws := []Law{
		laplaceLaw(t, rat(t, "1")), laplaceLaw(t, power2(50)), laplaceLaw(t, rat(t, "1000.7")),
		laplaceLaw(t, rat(t, "1099511627776.000000000000000000000000000001")),
		gaussianLaw(t, rat(t, "1")), gaussianLaw(t, power2(100)), gaussianLaw(t, rat(t, "1234567.89")),
	}
	for _, l := range laws {
		failures := 0
		for _, c := range []byte{0, 1, 0x2a, 0x55, 0x7f, 0x80, 0xaa, 0xfe, 0xff} {
			_, err := Vector(repeating(c), l, 1)
			if err != nil && !errors.Is(err, ErrSource) && !errors.Is(err, ErrOverflow) {
				t.Errorf("%s from bytes %d: %v", l, c, err)
			}
			if err != nil {
				failures++
			}
		}
		if failures == 0 {
			t.Errorf("%s: no constant source was noticed", l)
		}
	}
}

func TestSourceErrorsAreReturned(t *testing.T) {
	broken := errors.New("no entropy")
	r := io.MultiReader(io.LimitReader(stream(t, t.Name()), 10*vectorBlock), failing{broken})
	d, err := Vector(r, laplaceLaw(t, power2(50)), 100_000)
	if !errors.Is(err, broken) || d.Values != nil {
		t.Errorf("got %d values and error %v, want none and %v", len(d.Values), err, broken)
	}
	if _, err := Vector(bytes.NewReader(nil), laplaceLaw(t, big.NewRat(1, 1)), 1); !errors.Is(err, io.EOF) {
		t.Errorf("empty source: %v", err)
	}
	if _, err := Vector(io.LimitReader(stream(t, "x"), 5), gaussianLaw(t, big.NewRat(1, 1)), 1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short source: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestSampleBeyond64BitsIsRefused(t *testing.T) {
	// With den 1, u + num·v itself is the magnitude; num just below 2^64 makes
	// one geometric step enough to leave 64 bits.
	overflows := 0
	l, general := wordLaplace{num: math.MaxUint64, den: 1}, newBigLaplace(new(big.Int).SetUint64(math.MaxUint64), one)
	r, s := newSource(stream(t, t.Name()), 8), newSource(stream(t, t.Name()), 8)
	for range 100 {
		_, err := r.sample(l.try)
		if _, again := s.sample(general.try); !errors.Is(again, err) {
			t.Errorf("the two paths return %v and %v", err, again)
		}
		if errors.Is(err, ErrOverflow) {
			overflows++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if overflows == 0 || overflows == 100 {
		t.Errorf("%d of 100 samples overflow", overflows)
	}
	for _, m := range []uint64{1 << 63, math.MaxUint64} {
		if _, _, err := script(0).signed(m); !errors.Is(err, ErrOverflow) {
			t.Errorf("magnitude %d: %v", m, err)
		}
	}
	for _, m := range []uint64{0, 1, 1<<63 - 1} {
		if x, _, err := script(0).signed(m); err != nil || x != int64(m) {
			t.Errorf("magnitude %d: %d, %v", m, x, err)
		}
		if x, again, err := script(1 << 63).signed(m); err != nil || again != (m == 0) || x != -int64(m) {
			t.Errorf("magnitude −%d: %d, again %v, %v", m, x, again, err)
		}
	}
}
