package he

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/he/modular"
)

// vector is a dealt and parsed vector.
type vector struct {
	p      ProductParameters
	spec   VectorSpec
	values []uint64
	bytes  [][]byte
	shares map[int]*VectorShare
}

func dealt(t testing.TB, p ProductParameters, s VectorSpec, values []uint64) *vector {
	t.Helper()
	v := &vector{p: p, spec: s, values: values, shares: map[int]*VectorShare{}}
	v.bytes = must[[][]byte](t)(DealVector(p, s, values))
	for i, b := range v.bytes {
		v.shares[i+1] = must[*VectorShare](t)(ParseVectorShare(p, s, i+1, b))
	}
	return v
}

func randomValues(rng *rand.Rand, s VectorSpec) []uint64 {
	values := make([]uint64, s.Entities)
	for i := range values {
		values[i] = rng.Uint64N(1 << s.Bits)
	}
	return values
}

// line runs the first check over all nodes, bits the second over a set.
func (v *vector) line(t testing.TB, challenge [32]byte) error {
	t.Helper()
	values := map[int]CheckValues{}
	for i, s := range v.shares {
		values[i] = must[CheckValues](t)(s.LineValues(challenge))
	}
	return v.p.CheckLine(v.spec, values)
}

func (v *vector) bits(t testing.TB, rng *rand.Rand, challenge [32]byte, active []int) error {
	t.Helper()
	return v.limited(t, rng, challenge, active, nil)
}

// limited is the second check of weights that have limits.
func (v *vector) limited(t testing.TB, rng *rand.Rand, challenge [32]byte, active []int, limits []int32) error {
	t.Helper()
	checks := map[int]*BitCheck{}
	for _, i := range active {
		checks[i] = must[*BitCheck](t)(NewBitCheck(session("bits", active...), v.shares[i], challenge, limits))
	}
	deliver(t, rng, checks)
	values := map[int]CheckValues{}
	for i, c := range checks {
		values[i] = must[CheckValues](t)(c.Result())
	}
	return v.p.CheckBits(active, values)
}

// TestEveryActiveSetSeesTheVector, in bits and in values, and both checks pass.
func TestEveryActiveSetSeesTheVector(t *testing.T) {
	p := smallProducts(t)
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(r, "n")
		s := VectorSpec{
			Nodes: n, Threshold: rapid.IntRange(2, n).Draw(r, "t"),
			Entities: rapid.IntRange(1, 90).Draw(r, "entities"), Bits: rapid.IntRange(1, 17).Draw(r, "bits"),
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		v := dealt(t, p, s, randomValues(rng, s))
		challenge := [32]byte{byte(rng.Uint32())}
		if err := v.line(t, challenge); err != nil {
			r.Fatal(err)
		}
		for _, active := range subsets(n, s.Threshold) {
			bits, values := map[int][]uint64{}, map[int][]uint64{}
			for _, i := range active {
				bits[i] = must[[]uint64](t)(v.shares[i].Additive(active))
				values[i] = must[[]uint64](t)(v.shares[i].Values(active))
			}
			gotBits, gotValues := joined(p, bits), joined(p, values)
			for e, want := range v.values {
				if gotValues[e] != want {
					r.Fatalf("%v: entity %d is %d instead of %d", active, e, gotValues[e], want)
				}
				for b := range s.Bits {
					if got := gotBits[b*s.Entities+e]; got != want>>b&1 {
						r.Fatalf("%v: bit %d of entity %d is %d", active, b, e, got)
					}
				}
			}
		}
		if n == 3 {
			if err := v.bits(t, rng, challenge, everyPoint(s.Threshold)); err != nil {
				r.Fatal(err)
			}
		}
	})
}

// TestBadVectorsFailTheirCheck: one entry of one share changed; an entry of 2, of
// −1, and a share of a bit weight that is no bit.
func TestBadVectorsFailTheirCheck(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(41, 42))
	s := VectorSpec{Nodes: 4, Threshold: 3, Entities: 300, Bits: 2}
	challenge := [32]byte{3}
	for point := 1; point <= s.Nodes; point++ {
		v := dealt(t, p, s, randomValues(rng, s))
		at := rng.IntN(s.Entries())
		v.shares[point].xs[at] = p.in.add(v.shares[point].xs[at], 1+rng.Uint64N(p.T()-1))
		if err := v.line(t, challenge); !errors.Is(err, ErrNotPolynomial) {
			t.Errorf("point %d has another entry: error is %v", point, err)
		}
	}
	for _, bad := range []uint64{2, p.T() - 1, p.T() / 2, 1 << 40} {
		for _, at := range []int{0, 77, s.Entries() - 1} {
			v := &vector{p: p, spec: s, shares: map[int]*VectorShare{}}
			secret := must[[]uint64](t)(p.in.vectorEntries(s, randomValues(rng, s)))
			secret[at] = bad
			for i, b := range must[[][]byte](t)(p.in.dealShares(p.in.vectorSharing(s), secret)) {
				v.shares[i+1] = must[*VectorShare](t)(ParseVectorShare(p, s, i+1, b))
			}
			if err := v.line(t, challenge); err != nil {
				t.Errorf("entry %d of %d: first check: %v", at, bad, err)
			}
			for _, active := range [][]int{{1, 2, 3}, {1, 3, 4}} {
				if err := v.bits(t, rng, challenge, active); !errors.Is(err, ErrNotBits) {
					t.Errorf("entry %d of %d: error is %v", at, bad, err)
				}
			}
		}
	}
}

// TestFactorsDifferByEntryRunCheckAndChallenge: what passes one run, one check or
// one challenge says nothing about the next.
func TestFactorsDifferByEntryRunCheckAndChallenge(t *testing.T) {
	in := smallProducts(t).in
	seen := map[uint64]bool{}
	for _, challenge := range [][32]byte{{1}, {2}} {
		for _, label := range []string{labelLine, labelBits, labelLimits} {
			for run := range CheckRuns {
				for _, x := range must[[]uint64](t)(in.factors(challenge, label, run, 1000)) {
					if seen[x] {
						t.Fatal("a factor occurs twice")
					}
					seen[x] = true
				}
			}
		}
	}
	nonces := [][32]byte{{1}, {2}, {3}}
	a := Challenge([32]byte{9}, nonces)
	if a == Challenge([32]byte{8}, nonces) || a == Challenge([32]byte{9}, [][32]byte{{1}, {2}, {4}}) || a == Challenge([32]byte{9}, nonces[:2]) {
		t.Error("the challenge does not depend on everything")
	}
}

// TestVectorSharesAreUniform: what up to t−1 nodes hold of two vectors of the same
// size is alike, and so is what the first check publishes.
func TestVectorSharesAreUniform(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 20_000, Bits: 1}
	modulus := new(big.Int).SetUint64(p.T())
	all, none := make([]uint64, s.Entities), make([]uint64, s.Entities)
	for i := range all {
		all[i] = 1
	}
	for name, values := range map[string][]uint64{"all": all, "none": none} {
		v := dealt(t, p, s, values)
		for point, share := range v.shares {
			if chi := chiSquare(cellsOf(bigs(share.xs), modulus)); chi > chiLimit {
				t.Errorf("%s, point %d: χ² is %.0f, at most %.0f expected", name, point, chi, chiLimit)
			}
		}
		var published []uint64
		for i := range 4000 {
			few := VectorSpec{Nodes: 3, Threshold: 2, Entities: 3, Bits: 1}
			w := dealt(t, p, few, values[:3])
			got := must[CheckValues](t)(w.shares[1+i%3].LineValues([32]byte{5}))
			published = append(published, got[0])
		}
		if chi := chiSquare(cellsOf(bigs(published), modulus)); chi > chiLimit {
			t.Errorf("%s: published values: χ² is %.0f", name, chi)
		}
	}
}

func bigs(xs []uint64) []*big.Int {
	out := make([]*big.Int, len(xs))
	for i, x := range xs {
		out[i] = new(big.Int).SetUint64(x)
	}
	return out
}

// TestVectorSharesOfAnotherKindAreRefused, and damaged ones.
func TestVectorSharesOfAnotherKindAreRefused(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(43, 44))
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 101, Bits: 3}
	v := dealt(t, p, s, randomValues(rng, s))
	other := func(change func(*VectorSpec)) VectorSpec {
		x := s
		change(&x)
		return x
	}
	for name, x := range map[string]struct {
		spec  VectorSpec
		point int
		bytes []byte
		want  error
	}{
		"other point":     {s, 2, v.bytes[2], ErrVector},
		"other roster":    {other(func(s *VectorSpec) { s.Nodes = 4 }), 3, v.bytes[2], ErrVector},
		"other bits":      {VectorSpec{Nodes: 3, Threshold: 2, Entities: 303, Bits: 1}, 3, v.bytes[2], ErrVector},
		"seed's point":    {other(func(s *VectorSpec) { s.Threshold = 3 }), 1, v.bytes[0], ErrVector},
		"truncated":       {s, 3, v.bytes[2][:len(v.bytes[2])-1], ErrMalformed},
		"longer":          {s, 3, append(bytes.Clone(v.bytes[2]), 0), ErrMalformed},
		"nothing":         {s, 1, nil, ErrMalformed},
		"version":         {s, 1, changed(v.bytes[0], 5, 2), ErrMalformed},
		"magic":           {s, 1, changed(v.bytes[0], 0, 'W'), ErrMalformed},
		"modulus":         {s, 3, changed(v.bytes[2], 16, 0), ErrVector},
		"bits at the end": {s, 3, changed(v.bytes[2], len(v.bytes[2])-1, 0xff), ErrMalformed},
		"point 0":         {s, 0, v.bytes[0], ErrPoint},
		"point n+1":       {s, 4, v.bytes[0], ErrPoint},
		"no roster":       {VectorSpec{Entities: 101, Bits: 3}, 1, v.bytes[0], ErrVector},
		"no entities":     {other(func(s *VectorSpec) { s.Entities = 0 }), 1, v.bytes[0], ErrVector},
		"too large":       {other(func(s *VectorSpec) { s.Entities = 1 << 40 }), 1, v.bytes[0], ErrVector},
		"too many bits":   {other(func(s *VectorSpec) { s.Bits = 33 }), 1, v.bytes[0], ErrVector},
	} {
		if _, err := ParseVectorShare(p, x.spec, x.point, x.bytes); !errors.Is(err, x.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	beyond := bytes.Clone(v.bytes[2])
	xs := make([]uint64, s.length())
	xs[7] = p.T()
	modular.Pack(beyond[vectorHeader:], xs, p.in.tWidth())
	if _, err := ParseVectorShare(p, s, 3, beyond); !errors.Is(err, ErrMalformed) {
		t.Errorf("number not below T: error is %v", err)
	}
	for name, values := range map[string][]uint64{"too few": make([]uint64, 100), "too large": append(make([]uint64, 100), 8)} {
		if _, err := DealVector(p, s, values); !errors.Is(err, ErrVector) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	for _, active := range [][]int{nil, {1}, {2, 1}, {1, 1}, {0, 1}, {1, 4}, {1, 2, 3}} {
		if _, err := v.shares[1].Additive(active); !errors.Is(err, ErrActiveSet) {
			t.Errorf("%v: error is %v", active, err)
		}
	}
	if _, err := v.shares[1].Values([]int{2, 3}); !errors.Is(err, ErrNotActive) {
		t.Errorf("outsider: error is %v", err)
	}
	if _, err := NewBitCheck(session("bits", 1, 2, 3), v.shares[1], [32]byte{}, nil); !errors.Is(err, ErrActiveSet) {
		t.Errorf("check with another set: error is %v", err)
	}
}

func changed(b []byte, at int, x byte) []byte {
	b = bytes.Clone(b)
	b[at] = x
	return b
}

// TestPublishedValuesMustBeThereAndBelowT for both checks.
func TestPublishedValuesMustBeThereAndBelowT(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 5, Bits: 1}
	good := map[int]CheckValues{1: {}, 2: {}, 3: {}}
	if err := errors.Join(p.CheckLine(s, good), p.CheckBits([]int{1, 2, 3}, good)); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		values map[int]CheckValues
		want   error
	}{
		"missing":      {map[int]CheckValues{1: {}, 2: {}}, ErrMissing},
		"one too many": {map[int]CheckValues{1: {}, 2: {}, 3: {}, 4: {}}, ErrPoint},
		"beyond T":     {map[int]CheckValues{1: {}, 2: {}, 3: {0, p.T()}}, ErrValues},
	} {
		if err := p.CheckLine(s, x.values); !errors.Is(err, x.want) {
			t.Errorf("%s: first check says %v", name, err)
		}
		if err := p.CheckBits([]int{1, 2, 3}, x.values); !errors.Is(err, x.want) {
			t.Errorf("%s: second check says %v", name, err)
		}
	}
}

func FuzzVectorShare(f *testing.F) {
	p := smallProducts(f)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 13, Bits: 2}
	for _, b := range must[[][]byte](f)(DealVector(p, s, make([]uint64, 13))) {
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for point := 1; point <= 3; point++ {
			v, err := ParseVectorShare(p, s, point, b)
			if err != nil {
				continue
			}
			again := bytes.Clone(b)
			if point >= s.Threshold {
				modular.Pack(again[vectorHeader:], v.xs, p.in.tWidth())
			}
			if !bytes.Equal(again, b) || int(binary.LittleEndian.Uint16(b[10:])) != point {
				t.Fatal("accepted bytes are not what would be written")
			}
		}
	})
}

// TestWeightsAboveTheirLimitsFailTheCheck, by any active set, in any bit of any entity, though every
// bit is one; weights within them pass.
func TestWeightsAboveTheirLimitsFailTheCheck(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(51, 52))
	s := VectorSpec{Nodes: 4, Threshold: 3, Entities: 200, Bits: 6}
	challenge, limits := [32]byte{5}, make([]int32, s.Entities)
	within := make([]uint64, s.Entities)
	for e := range limits {
		limits[e] = rng.Int32N(int32(s.Bits) + 1)
		within[e] = rng.Uint64N(1 << limits[e])
		if e%3 == 0 {
			within[e] = 1<<limits[e] - 1
		}
	}
	limits[9], within[9] = 0, 0
	for _, active := range [][]int{{1, 2, 3}, {2, 3, 4}} {
		if err := dealt(t, p, s, within).limited(t, rng, challenge, active, limits); err != nil {
			t.Errorf("weights within their limits: %v", err)
		}
		for e, limit := range limits {
			if e%17 != 9 || int(limit) == s.Bits {
				continue
			}
			bad := slices.Clone(within)
			bad[e] |= 1 << (int(limit) + rng.IntN(s.Bits-int(limit)))
			v := dealt(t, p, s, bad)
			if err := v.bits(t, rng, challenge, active); err != nil {
				t.Errorf("bits alone: %v", err)
			}
			if err := v.limited(t, rng, challenge, active, limits); !errors.Is(err, ErrNotBits) {
				t.Errorf("entity %d of %d bits weighs %d: error is %v", e, limit, bad[e], err)
			}
		}
	}
	// Two bits above, of two entities, do not make up for each other.
	bad := slices.Clone(within)
	bad[9], limits[10], bad[10] = 1, 0, 1
	if err := dealt(t, p, s, bad).limited(t, rng, challenge, []int{1, 2, 4}, limits); !errors.Is(err, ErrNotBits) {
		t.Errorf("two of them: error is %v", err)
	}
	for _, wrong := range [][]int32{limits[1:], append([]int32{7}, limits[1:]...), append([]int32{-1}, limits[1:]...)} {
		if _, err := NewBitCheck(session("bits", 1, 2, 3), dealt(t, p, s, within).shares[1], challenge, wrong); !errors.Is(err, ErrVector) {
			t.Errorf("limits that are none: %v", err)
		}
	}
}
