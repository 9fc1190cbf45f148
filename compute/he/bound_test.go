package he

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// noise returns an accumulator's noise, coefficient by coefficient, as one who
// knows the secret can: T·(c0 + c1·s) = m + T·noise, m within ±K·T.
func (c *cluster) noise(t *testing.T, acc *Accumulator) []*big.Int {
	t.Helper()
	in := c.p.in
	sum, err := acc.seal()
	if err != nil {
		t.Fatal(err)
	}
	c0, c1, s := ring.NewPoly(in.n, limbs-1), ring.NewPoly(in.n, limbs-1), c.secret()
	in.load(c0, sum.bytes, kindSum, 0)
	in.load(c1, sum.bytes, kindSum, 1)
	in.he.RingQ().MForm(s, s)
	in.he.RingQ().MulCoeffsMontgomeryThenAdd(c1, s, c0)
	return in.noiseOf(in.coefficients(c0))
}

// noiseOf divides T·phase by T, rounding.
func (in *instance) noiseOf(phase []*big.Int) []*big.Int {
	q, t := in.modulus(), new(big.Int).SetUint64(in.lit.T)
	out := make([]*big.Int, len(phase))
	for i, x := range phase {
		out[i] = new(big.Int).Quo(centred(new(big.Int).Mul(x, t), q), t)
	}
	return out
}

func largest(xs []*big.Int) *big.Int {
	most := new(big.Int)
	for _, x := range xs {
		if x.CmpAbs(most) > 0 {
			most.Abs(x)
		}
	}
	return most
}

// TestMeasuredNoiseStaysWithinTheBound adds tiles up to MaxTiles and compares
// their noise with what the plan's bound says, and opens the largest exactly.
func TestMeasuredNoiseStaysWithinTheBound(t *testing.T) {
	c := newCluster(t, full(t, 3, 2))
	in := c.p.in
	values := readings(rand.New(rand.NewPCG(3, 4)), c.p.Values(), 30)
	acc := c.accumulate(t, c.encrypt(t, values)...)
	for tiles := 1; ; tiles *= 2 {
		measured := largest(c.noise(t, acc))
		bound := new(big.Int).Mul(in.fresh(), big.NewInt(int64(tiles)))
		bound.Add(bound, big.NewInt(int64(tiles))) // m/T
		if measured.Cmp(bound) > 0 {
			t.Fatalf("%d tiles: noise %v exceeds the bound %v", tiles, measured, bound)
		}
		if tiles == 1 && measured.Cmp(big.NewInt(1000)) < 0 {
			t.Fatalf("a fresh tile's noise of %v is not that of an encryption", measured)
		}
		if tiles == MaxTiles {
			break
		}
		sum := must[[]byte](t)(acc.Bytes())
		acc = c.accumulate(t, sum, sum)
		if acc.Count() != 2*tiles {
			t.Fatalf("%d tiles are counted as %d", 2*tiles, acc.Count())
		}
	}
	shares := c.open(t, c.opening(t, acc, []int{1, 3}, 3), acc)
	for i, got := range c.reveal(t, shares)[:c.p.Values()] {
		if got != values[i]*MaxTiles {
			t.Fatalf("slot %d of %d tiles: %d instead of %d", i, MaxTiles, got, values[i]*MaxTiles)
		}
	}
	one := must[[]byte](t)(c.accumulate(t, c.encrypt(t, values)...).Bytes())
	var noise *NoiseError
	if err := acc.Add(one); !errors.As(err, &noise) || noise.Tiles != MaxTiles+1 {
		t.Fatalf("one tile too many: error is %v", err)
	}
}

// TestPhaseErrorHasTheWidthOfTheSmudging: what the root sees is B wide, whatever
// the noise.
func TestPhaseErrorHasTheWidthOfTheSmudging(t *testing.T) {
	c := newCluster(t, full(t, 3, 2))
	in := c.p.in
	acc := c.accumulate(t, c.encrypt(t, []int64{7})...)
	o := c.opening(t, acc, []int{1, 2}, 1)
	ds, _ := c.contributions(t, o, acc)
	sum, err := acc.seal()
	if err != nil {
		t.Fatal(err)
	}
	w := in.scratch.get()
	if err := c.keys[1].phase(w, o, sum, ds); err != nil {
		t.Fatal(err)
	}
	errs := in.noiseOf(in.integers(w.a))
	b := new(big.Int).Lsh(big.NewInt(1), uint(in.logB))
	most := largest(errs)
	if over := new(big.Int).Sub(most, b); over.Cmp(new(big.Int).Add(in.fresh(), big.NewInt(2))) > 0 {
		t.Errorf("phase error %v exceeds B by %v", most, over)
	}
	if x := new(big.Int).Mul(most, big.NewInt(1000)); x.Cmp(new(big.Int).Mul(b, big.NewInt(990))) < 0 {
		t.Errorf("phase error is at most %v, far from B = %v", most, b)
	}
	want := math.Ldexp(1, in.logB) / math.Sqrt(3)
	if ratio := rootMeanSquare(errs, in.modulus()) / want; ratio < 0.97 || ratio > 1.03 {
		t.Errorf("rms is %.3f of B/√3", ratio)
	}
}

// TestSmudgingOfTheReferenceParameters pins the figures of PROTOCOL.md section 7.2.
func TestSmudgingOfTheReferenceParameters(t *testing.T) {
	for _, x := range []struct{ nodes, threshold, logB int }{{3, 2, 120}, {5, 3, 119}, {4, 3, 119}, {7, 4, 118}, {5, 5, 118}} {
		if got := full(t, x.nodes, x.threshold).Literal().LogSmudging; got != x.logB {
			t.Errorf("%d of %d: B is 2^%d instead of 2^%d", x.threshold, x.nodes, got, x.logB)
		}
	}
}

// TestOneBitOfSmudgingTooMuch: the constructor takes the largest that fits and
// refuses one more, which would make every slot wrong.
func TestOneBitOfSmudgingTooMuch(t *testing.T) {
	wrongSlots := func(p Parameters) int {
		c := newCluster(t, p)
		values := readings(rand.New(rand.NewPCG(5, 6)), p.Values(), 40)
		acc := c.accumulate(t, c.encrypt(t, values)...)
		wrong := 0
		for i, got := range c.reveal(t, c.open(t, c.opening(t, acc, []int{1, 2}, 2), acc))[:p.Values()] {
			if got != values[i] {
				wrong++
			}
		}
		return wrong
	}
	lit := DataParameters(3, 2)
	lit.LogSmudging = 120
	p := must[Parameters](t)(NewParameters(lit))
	if wrong := wrongSlots(p); wrong != 0 {
		t.Errorf("at the edge %d slots are wrong", wrong)
	}
	lit.LogSmudging++
	_, err := NewParameters(lit)
	var noise *NoiseError
	if !errors.As(err, &noise) || noise.LogSmudging != 121 || noise.Used <= noise.Available {
		t.Fatalf("one bit too much: error is %v", err)
	}
	in, err := newInstance(lit)
	if err != nil {
		t.Fatal(err)
	}
	in.derive(lit.LogSmudging)
	if wrong := wrongSlots(Parameters{in}); wrong < p.Values()*99/100 {
		t.Errorf("one bit too much makes only %d slots wrong: the check is too strict", wrong)
	}
}

// TestEdgeOfTheBoundIsExact compares the constructor's decision with the
// inequality of PROTOCOL.md section 7.2, for other moduli and rosters too.
func TestEdgeOfTheBoundIsExact(t *testing.T) {
	for _, roster := range [][2]int{{2, 2}, {3, 2}, {5, 3}, {7, 4}, {5, 5}, {64, 64}} {
		in, err := newInstance(DataParameters(roster[0], roster[1]))
		if err != nil {
			t.Fatal(err)
		}
		fits := func(logB int) bool {
			n, th := int64(roster[0]), int64(roster[1])
			tBig, k := new(big.Int).SetUint64(in.lit.T), big.NewInt(MaxTiles)
			sum := new(big.Int).Mul(k, big.NewInt(19*(2*8192*n+1)))
			sum.Add(sum, new(big.Int).Mul(big.NewInt(th), new(big.Int).Lsh(big.NewInt(1), uint(logB))))
			sum.Mul(sum, tBig)
			rest := new(big.Int).Add(k, big.NewInt(th))
			sum.Add(sum, rest.Mul(rest, tBig))
			return sum.Lsh(sum, 1).Cmp(in.modulus()) < 0
		}
		if most := in.maxLogSmudging(); !fits(most) || fits(most+1) {
			t.Errorf("%v: 2^%d is taken for the largest that fits", roster, most)
		}
	}
}

// TestLoadBeyondThePlanIsRefusedWithNumbers covers overflow and noise.
func TestLoadBeyondThePlanIsRefusedWithNumbers(t *testing.T) {
	p := full(t, 3, 2)
	limit := p.MaxSum()
	b, err := p.CheckLoad(Load{Tiles: 53, Magnitude: limit})
	if err != nil || b.NoiseUsed >= b.NoiseAvailable || b.Limit.Cmp(limit) != 0 {
		t.Fatalf("budget %+v, error %v", b, err)
	}
	over := new(big.Int).Add(limit, big.NewInt(1))
	_, err = p.CheckLoad(Load{Tiles: 53, Magnitude: over.Neg(over)})
	var overflow *OverflowError
	if !errors.As(err, &overflow) || overflow.Limit.Cmp(limit) != 0 || overflow.Magnitude.CmpAbs(over) != 0 {
		t.Errorf("overflow: error is %v", err)
	}
	_, err = p.CheckLoad(Load{Tiles: MaxTiles + 1})
	var noise *NoiseError
	if !errors.As(err, &noise) || noise.Tiles != MaxTiles+1 {
		t.Errorf("noise: error is %v", err)
	}
	if _, err := p.CheckLoad(Load{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("no tile: error is %v", err)
	}
}

// TestOverflowWrapsAround is why the load is checked: beyond T/2 a sum comes out
// wrong and nothing says so, parity included.
func TestOverflowWrapsAround(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	half := c.p.MaxSum().Int64()
	acc := c.accumulate(t, c.encrypt(t, []int64{half, half}, []int64{0, 1})...)
	shares := c.open(t, c.opening(t, acc, []int{1, 2}, 1), acc)
	got := c.reveal(t, shares)
	if got[0] != half || got[1] != -half {
		t.Errorf("slots are %d and %d", got[0], got[1])
	}
	if parity := c.parity(t, shares); parity != 0 {
		t.Errorf("parity is %d", parity)
	}
}
