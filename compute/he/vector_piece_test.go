package he

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// partition deals the partition in which an entity has the bits of its value, good or
// not.
func partition(t testing.TB, p ProductParameters, s VectorSpec, values []uint64) *vector {
	t.Helper()
	v := &vector{p: p, spec: s, values: values, shares: map[int]*VectorShare{}}
	free := s
	free.Pieces = 0
	secret := must[[]uint64](t)(p.in.vectorEntries(free, values))
	for i, b := range must[[][]byte](t)(p.in.dealShares(p.in.vectorSharing(s), secret)) {
		v.shares[i+1] = must[*VectorShare](t)(ParseVectorShare(p, s, i+1, b))
	}
	return v
}

// TestEntityInTwoPiecesFailsTheCheck, whichever two, although every entry is a bit; the
// same bits are fine for weights. An honest client does not even deal them.
func TestEntityInTwoPiecesFailsTheCheck(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(43, 44))
	challenge := [32]byte{6}
	for _, pieces := range []int{1, 2, 16} {
		s := VectorSpec{Nodes: 4, Threshold: 3, Entities: 120, Bits: pieces, Pieces: pieces}
		values := make([]uint64, s.Entities)
		for e := range values {
			if i := rng.IntN(pieces + 1); i < pieces {
				values[e] = 1 << i
			}
		}
		good := dealt(t, p, s, values)
		for _, active := range [][]int{{1, 2, 3}, {2, 3, 4}} {
			if err := good.bits(t, rng, challenge, active); err != nil {
				t.Errorf("%d pieces: %v", pieces, err)
			}
		}
		if pieces == 1 {
			continue
		}
		for _, at := range []int{0, 61, s.Entities - 1} {
			bad := append([]uint64(nil), values...)
			first := rng.IntN(pieces)
			bad[at] = 1<<first | 1<<((first+1+rng.IntN(pieces-1))%pieces)
			v := partition(t, p, s, bad)
			if err := v.bits(t, rng, challenge, []int{1, 2, 4}); !errors.Is(err, ErrNotBits) {
				t.Errorf("entity %d has the bits %b: error is %v", at, bad[at], err)
			}
			if _, err := DealVector(p, s, bad); !errors.Is(err, ErrVector) {
				t.Errorf("entity %d has the bits %b: error of dealing is %v", at, bad[at], err)
			}
			weights := s
			weights.Pieces = 0
			if err := dealt(t, p, weights, bad).bits(t, rng, challenge, []int{1, 2, 4}); err != nil {
				t.Errorf("weights: %v", err)
			}
		}
	}
}

// TestSelectedAreThoseInAnyPiece.
func TestSelectedAreThoseInAnyPiece(t *testing.T) {
	p := smallProducts(t)
	v := dealt(t, p, VectorSpec{Nodes: 3, Threshold: 2, Entities: 5, Bits: 3, Pieces: 3}, []uint64{0, 1, 2, 4, 0})
	shares := map[int][]uint64{}
	for _, i := range []int{1, 3} {
		shares[i] = must[[]uint64](t)(v.shares[i].Selected([]int{1, 3}))
	}
	if got := joined(p, shares); !slices.Equal(got, []uint64{0, 1, 1, 1, 0}) {
		t.Errorf("selected are %v", got)
	}
}

// TestRhoHidesAnEntry: a member that adds δ to its share of one entry has the entry
// from what opens, were it not for ρ.
func TestRhoHidesAnEntry(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(45, 46))
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 40, Bits: 1, Pieces: 1}
	challenge, active := [32]byte{8}, []int{1, 2}
	const at, delta = 7, 1000
	chi := must[[]uint64](t)(p.in.factors(challenge, labelBits, 0, s.Entities))[at]
	// attack returns what opens, divided by χ: δ² − δ for an entry of 0, δ² + δ for 1.
	attack := func(entry uint64, noRho bool) uint64 {
		values := randomValues(rng, s)
		values[at] = entry
		v := dealt(t, p, s, values)
		own := v.shares[2]
		own.xs[at] = p.in.add(own.xs[at], p.in.mul(delta, p.in.inverse(must[uint64](t)(own.weight(active)))))
		checks := map[int]*BitCheck{}
		for _, i := range active {
			checks[i] = must[*BitCheck](t)(newBitCheck(session("bits", active...), v.shares[i], challenge, nil, noRho))
		}
		deliver(t, rng, checks)
		var sum uint64
		for _, c := range checks {
			sum = p.in.add(sum, must[CheckValues](t)(c.Result())[0])
		}
		return p.in.mul(sum, p.in.inverse(chi))
	}
	for entry, want := range []uint64{delta*delta - delta, delta*delta + delta} {
		if got := attack(uint64(entry), true); got != want {
			t.Errorf("without ρ an entry of %d opens %d instead of %d: this tests nothing", entry, got, want)
		}
		if got := attack(uint64(entry), false); got == want {
			t.Errorf("an entry of %d is recovered", entry)
		}
	}
}

// TestAShiftedShareLearnsOneBitOfTheCheck: what PROTOCOL.md section 6.4 does not promise. A member
// that adds 1 to its share of one entry sees whether the check opens 0, which is whether the entry is 0. ρ
// leaves it that and no more.
func TestAShiftedShareLearnsOneBitOfTheCheck(t *testing.T) {
	p, rng, active := smallProducts(t), rand.New(rand.NewPCG(95, 96)), []int{1, 2}
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 400, Bits: 1, Pieces: 1}
	for entry := range uint64(2) {
		values := randomValues(rng, s)
		values[9] = entry
		v := dealt(t, p, s, values)
		own := v.shares[2]
		own.xs[9] = p.in.add(own.xs[9], p.in.inverse(must[uint64](t)(own.weight(active))))
		checks := map[int]*BitCheck{}
		for _, i := range active {
			checks[i] = must[*BitCheck](t)(NewBitCheck(session("bits", active...), v.shares[i], [32]byte{3}, nil))
		}
		deliver(t, rng, checks)
		var sum uint64
		for _, c := range checks {
			sum = p.in.add(sum, must[CheckValues](t)(c.Result())[0])
		}
		if (sum == 0) != (entry == 0) {
			t.Errorf("an entry of %d opens %d", entry, sum)
		}
	}
}
