package he

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// TestUnusableProductParametersAreRefused: one bit more of flooding or of cut would
// be silently wrong in every slot, one bit less of flooding hides too little.
func TestUnusableProductParametersAreRefused(t *testing.T) {
	for name, change := range map[string]func(*ProductLiteral){
		"insecure ring":     func(l *ProductLiteral) { l.LogN = 12 },
		"too much Q":        func(l *ProductLiteral) { l.LogN, l.Q[2] = 13, 4503599625273345 },
		"three primes":      func(l *ProductLiteral) { l.Q = l.Q[:3] },
		"prime twice":       func(l *ProductLiteral) { l.Q[3] = l.Q[2] },
		"rising primes":     func(l *ProductLiteral) { l.Q[2], l.Q[3] = l.Q[3], l.Q[2] },
		"no prime":          func(l *ProductLiteral) { l.Q[1]-- },
		"T not prime":       func(l *ProductLiteral) { l.T += 1 << 16 },
		"T with half slots": func(l *ProductLiteral) { l.T = halfSlots },
		"one bit of flood":  func(l *ProductLiteral) { l.LogFlooding++ },
		"one bit less":      func(l *ProductLiteral) { l.LogFlooding-- },
		"a gap":             func(l *ProductLiteral) { l.LogGap++ },
		"no flooding":       func(l *ProductLiteral) { l.LogFlooding = 0 },
		"two bits of c0":    func(l *ProductLiteral) { l.CutC0 += 2 },
		"one bit of c0, c1": func(l *ProductLiteral) { l.CutC0++; l.CutC1++ },
		"two bits of c1":    func(l *ProductLiteral) { l.CutC1 += 2 },
		"nothing cut":       func(l *ProductLiteral) { l.CutC0 = 0 },
		"more than all cut": func(l *ProductLiteral) { l.CutC1 = 61 },
		"nothing at all":    func(l *ProductLiteral) { *l = ProductLiteral{} },
	} {
		lit := DefaultProductParameters()
		change(&lit)
		if _, err := NewProductParameters(lit); !errors.Is(err, ErrParameters) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	var zero ProductParameters
	for name, err := range map[string]error{
		"deal":  func() error { _, err := DealVector(zero, VectorSpec{}, nil); return err }(),
		"parse": func() error { _, err := ParseVectorShare(zero, VectorSpec{}, 1, nil); return err }(),
		"line":  zero.CheckLine(VectorSpec{}, nil),
		"bits":  zero.CheckBits(nil, nil),
		"count": func() error { _, err := zero.CountWeighted(nil, nil, 0); return err }(),
	} {
		if !errors.Is(err, ErrParameters) {
			t.Errorf("zero value, %s: error is %v", name, err)
		}
	}
}

// halfSlots is a prime of 58 bits that is 1 mod 2^14 and not mod 2^15: lattigo
// would encode into half the slots and say nothing.
var halfSlots = func() uint64 {
	t := uint64(1)<<58 - 1<<14 + 1
	for t%(1<<15) == 1 || !ring.IsPrime(t) {
		t -= 1 << 14
	}
	return t
}()

// TestDefaultsAreThoseOfTheProtocol pins figures that PROTOCOL.md section 7.5 states.
func TestDefaultsAreThoseOfTheProtocol(t *testing.T) {
	p := fullProducts(t)
	if got := p.LogDistance(); got < -67 || got > -66.5 {
		t.Errorf("statistical distance is 2^%.2f", got)
	}
	if got := log2(p.in.gap()) - log2(p.in.modulusOf(productLimbs)); got < -44.5 || got > -44.2 {
		t.Errorf("the flooding leaves 2^%.2f of Q/T", got)
	}
	if got := log2(p.in.hidden()); got < 75.25 || got > 75.35 {
		t.Errorf("hidden term is 2^%.2f", got)
	}
	if got := p.in.modulusOf(productLimbs).BitLen(); got != 214 {
		t.Errorf("Q has %d bits", got)
	}
	if got := p.in.answerChunk() * 8; got != 222*p.Slots() {
		t.Errorf("an answer has %d bits a slot", got/p.Slots())
	}
	if p.T() != full(t, 3, 2).T() {
		t.Error("T is not that of the data")
	}
	if sent := p.RequestBytes(25_000) + p.AnswerBytes(25_000); sent > 2_300_000 {
		t.Errorf("a product of 25,000 entries sends %d bytes a node", sent)
	}
}

// TestProductsAreExactAtTheExtremes of flooding, on full-range vectors, in the
// real ring and in a small one: 120 cases.
func TestProductsAreExactAtTheExtremes(t *testing.T) {
	fill := func(x byte) func([]byte) {
		return func(b []byte) {
			for i := range b {
				b[i] = x
			}
		}
	}
	floods := []func([]byte){nil, fill(0), fill(0xff), nil}
	for _, x := range []struct {
		p     ProductParameters
		cases int
	}{{smallProducts(t), 100}, {fullProducts(t), 20}} {
		rng := rand.New(rand.NewPCG(73, uint64(x.cases)))
		half := x.p.T() / 2
		for k := range x.cases {
			b, v := numbers(x.p, rng, x.p.Slots()), numbers(x.p, rng, x.p.Slots())
			if k%5 == 0 { // all coefficients of x as large as can be, and all m's
				x.p.extreme(b, x.p.T()-1)
				x.p.extreme(v, half+uint64(k/5%2))
			}
			out, rho := evaluateOnce(t, x.p, b, v, oleHooks{flooding: floods[k%len(floods)]})
			checkProduct(t, x.p, b, v, out, rho)
		}
	}
}

// extreme makes numbers whose polynomial has this value in every coefficient.
func (p ProductParameters) extreme(xs []uint64, value uint64) {
	for i := range xs {
		xs[i] = value
	}
	p.in.t.NTT(xs, xs)
}

// TestMeasuredPhaseStaysWithinTheBound at both extremes of flooding.
func TestMeasuredPhaseStaysWithinTheBound(t *testing.T) {
	p, rng := fullProducts(t), rand.New(rand.NewPCG(75, 76))
	b, x := numbers(p, rng, p.Slots()), numbers(p, rng, p.Slots())
	p.extreme(x, p.T()/2)
	v := observe(t, p, b, x, oleHooks{flooding: p.in.withoutFlooding()})
	hidden := new(big.Int).Mul(p.in.hidden(), new(big.Int).SetUint64(p.T()))
	if got := largest(p.in.integers(v.phase(v.a0, v.a1))); got.Cmp(hidden) > 0 {
		t.Errorf("hidden term is 2^%.2f, the bound 2^%.2f", log2(got), log2(hidden))
	}
	v = observe(t, p, b, x, oleHooks{flooding: func(b []byte) { clear(b) }})
	before, _ := p.in.decodingBounds()
	if got := largest(p.in.integers(v.phase(v.a0, v.a1))); got.Cmp(before) > 0 || got.BitLen() < before.BitLen()-1 {
		t.Errorf("phase is 2^%.2f, the bound 2^%.2f", log2(got), log2(before))
	}
}

// TestMaskAtScaleOneIsWrongAfterTheSwitch: dividing by the dropped primes P changes
// the scale to 1/P. What is subtracted afterwards has to have that scale; at scale
// 1 it is silently wrong in every slot.
func TestMaskAtScaleOneIsWrongAfterTheSwitch(t *testing.T) {
	p, rng := fullProducts(t), rand.New(rand.NewPCG(77, 78))
	in := p.in
	b, x, mask := numbers(p, rng, in.n), numbers(p, rng, in.n), numbers(p, rng, in.n)
	dropped := new(big.Int).Quo(in.modulusOf(productLimbs), in.modulusOf(keptLimbs))
	dropped.Mod(dropped, new(big.Int).SetUint64(p.T()))
	subtracted := func(scale uint64) int {
		r, request, err := newOLERequest(p, names(in.n), b)
		if err != nil {
			t.Fatal(err)
		}
		w := &productWorkspace{m: make([]uint64, in.n), a: ring.NewPoly(in.n, productLimbs-1), b: ring.NewPoly(in.n, productLimbs-1)}
		_, rho, err := oleAnswer(p, names(in.n), x, request, oleHooks{uncut: func(_ int, c0, c1 ring.Poly) {
			w.a.Copy(c0)
			w.b.Copy(c1)
		}})
		if err != nil {
			t.Fatal(err)
		}
		in.switchDown(w.a)
		in.switchDown(w.b)
		m, late := make([]uint64, in.n), ring.NewPoly(in.n, productLimbs-1)
		in.encode(m, mask)
		for i := range m {
			m[i] = in.mul(m[i], scale)
		}
		in.addScaled(late, m)
		for l, s := range in.q[:keptLimbs] {
			s.Sub(w.a.Coeffs[l], late.Coeffs[l], w.a.Coeffs[l])
		}
		in.decrypt(w, r.secret)
		want := make([]uint64, in.n)
		for i := range want {
			want[i] = in.sub(in.sub(mulMod(b[i], x[i], p.T()), rho[i]), mask[i])
		}
		return matches(w.m, want)
	}
	if got := subtracted(in.inverse(dropped.Uint64())); got != in.n {
		t.Errorf("at its own scale: %d of %d slots are right", got, in.n)
	}
	// The first number is 0, and right by itself.
	if got := subtracted(1); got > 1 {
		t.Errorf("at scale 1 %d of %d slots are right: the trap is gone", got, in.n)
	}
}
