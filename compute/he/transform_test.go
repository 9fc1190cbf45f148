package he

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/modular"
)

// transformed returns the rings of a transform: those of data keys, and primes
// at the edges of what newTransform takes.
func transformed(tb testing.TB, logN int) []*ring.SubRing {
	tb.Helper()
	lit := DataParameters(3, 2)
	primes := append(slices.Clone(lit.Q), lit.T)
	below := func(x uint64) uint64 { // the largest prime below x that has all roots
		for x = (x-2)>>15<<15 + 1; !ring.IsPrime(x); {
			x -= 1 << 15
		}
		return x
	}
	primes = append(primes, below(1<<59), below(1<<40), 65537)
	rings := make([]*ring.SubRing, len(primes))
	for i, q := range primes {
		rings[i] = must[*ring.Ring](tb)(ring.NewRing(1<<logN, []uint64{q})).SubRings[0]
	}
	return rings
}

func TestTransformIsLattigos(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for logN := 9; logN <= 14; logN++ {
		for _, s := range transformed(t, logN) {
			tr := must[*modular.Transform](t)(newTransform(s))
			for _, draw := range map[string]func(times uint64) uint64{
				"random":  func(times uint64) uint64 { return rng.Uint64N(times * s.Modulus) },
				"largest": func(times uint64) uint64 { return times*s.Modulus - 1 },
				"edges":   func(times uint64) uint64 { return (times*s.Modulus - 1) * rng.Uint64N(2) },
			} {
				testTransform(t, tr, s, draw)
			}
		}
	}
}

// testTransform compares both directions on the widest inputs allowed.
func testTransform(t *testing.T, tr *modular.Transform, s *ring.SubRing, draw func(times uint64) uint64) {
	t.Helper()
	in, want := make([]uint64, s.N), make([]uint64, s.N)
	reduced := func() []uint64 {
		r := slices.Clone(in)
		for i := range r {
			r[i] %= s.Modulus
		}
		return r
	}
	times, near60 := uint64(1), s.Modulus >= 1<<59
	if near60 {
		times = 5
	}
	for i := range in {
		in[i] = draw(times)
	}
	s.NTT(reduced(), want)
	tr.Forward(in)
	for i, x := range in {
		if near60 && x/6 >= s.Modulus {
			t.Fatalf("degree %d, q=%#x: forward gives %d, beyond 6q, at %d", s.N, s.Modulus, x, i)
		}
	}
	tr.Reduce(in)
	if !slices.Equal(in, want) {
		t.Errorf("degree %d, q=%#x: forward differs", s.N, s.Modulus)
	}
	for i := range in {
		in[i] = draw(4)
	}
	s.INTT(reduced(), want)
	if tr.Inverse(in); !slices.Equal(in, want) {
		t.Errorf("degree %d, q=%#x: inverse differs", s.N, s.Modulus)
	}
}

func TestTransformRefusesOtherPrimes(t *testing.T) {
	// 2^60 − 2^19 and below down to 2^59: quotients by shifts would be wrong.
	q := uint64(1)<<60 - 1<<20 + 1
	for !ring.IsPrime(q) {
		q -= 1 << 15
	}
	s := must[*ring.Ring](t)(ring.NewRing(512, []uint64{q})).SubRings[0]
	if _, err := newTransform(s); !errors.Is(err, ErrParameters) {
		t.Errorf("q=%#x: %v", q, err)
	}
}

// BenchmarkTransform takes turns with lattigo.
func BenchmarkTransform(b *testing.B) {
	p := full(b, 3, 2)
	for name, s := range map[string]*ring.SubRing{"q": p.in.q[0], "t": p.in.t} {
		tr := must[*modular.Transform](b)(newTransform(s))
		x, y := make([]uint64, s.N), make([]uint64, s.N)
		for i := range x {
			x[i] = rand.Uint64N(s.Modulus)
		}
		for way, f := range map[string]struct{ own, theirs func() }{
			"forward": {func() { tr.Forward(y) }, func() { s.NTTLazy(y, y) }},
			"inverse": {func() { tr.Inverse(y) }, func() { s.INTT(y, y) }},
		} {
			b.Run(fmt.Sprintf("%s/%s", way, name), func(b *testing.B) {
				own, theirs := fastest(time.Hour), fastest(time.Hour)
				for b.Loop() {
					copy(y, x)
					start := time.Now()
					f.own()
					own = min(own, fastest(time.Since(start)))
					copy(y, x)
					start = time.Now()
					f.theirs()
					theirs = min(theirs, fastest(time.Since(start)))
				}
				b.ReportMetric(float64(own)/1e3, "µs")
				b.ReportMetric(float64(own)/float64(theirs), "of-lattigo")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
