package he

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRhoHidesWhatAShiftedShareWouldOpen: a member that adds δ to its share of one b
// opens −χ·δ·c·r in the check, and without ρ has c·r, the product of two counts. With
// ρ the same gives nothing, and the test ends with ErrWitness.
func TestRhoHidesWhatAShiftedShareWouldOpen(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(79, 80))
	s, pieceOf := failing()
	const secret = 4 * 16
	for _, active := range [][]int{{1, 2}, {1, 2, 3}} {
		attack := func(noRho bool) uint64 {
			c := newPieceCase(t, p, rng, active, s, pieceOf)
			hooks := map[int]pieceHooks{}
			for _, i := range active {
				hooks[i] = pieceHooks{noRho: noRho}
			}
			const delta = 12345
			hooks[2] = pieceHooks{noRho: noRho, shift: func(b []uint64) { b[0] = p.in.add(b[0], delta) }}
			parties := c.members(t, hooks)
			deliver(t, rng, parties)
			if _, err := parties[1].Passed(); !errors.Is(err, ErrWitness) {
				t.Errorf("%v: error is %v", active, err)
			}
			if parties[1].run.last != 0 {
				t.Errorf("%v: the last number was opened", active)
			}
			chi := must[[]uint64](t)(p.in.factors(c.challenge, labelPieces, 0, len(c.witnesses)))
			return p.in.mul(p.in.sub(0, parties[2].run.checks[0]), p.in.inverse(p.in.mul(chi[0], delta)))
		}
		if got := attack(true); got != secret {
			t.Errorf("%v: without ρ the attack finds %d instead of %d: it tests nothing", active, got, secret)
		}
		if got := attack(false); got == secret {
			t.Errorf("%v: c·r recovered", active)
		}
	}
}

// TestPieceTestOpensNothingElse: the last number is uniform, whatever the partition,
// or 0; what wrong witnesses open is uniform; and the sizes of messages do not depend
// on the partition.
func TestPieceTestOpensNothingElse(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(81, 82))
	s, _ := failing()
	var trace map[int]int
	for name, x := range map[string]struct {
		in     int
		passes bool
		runs   int
	}{"nobody": {0, true, 320}, "seven": {7, true, 320}, "four": {4, false, 20}} {
		var opened []uint64
		for range x.runs {
			c := newPieceCase(t, p, rng, []int{1, 2}, s, firms(x.in))
			parties := c.members(t, nil)
			sent := deliver(t, rng, parties)
			if trace == nil {
				trace = sent
			}
			if fmt.Sprint(sent) != fmt.Sprint(trace) {
				t.Fatalf("%s: %v bytes were sent, and %v in another test", name, sent, trace)
			}
			if last := parties[1].run.last; last != parties[2].run.last || (last != 0) != x.passes || slices.Max(parties[1].run.checks) != 0 {
				t.Fatalf("%s: opened %v and %d", name, parties[1].run.checks, last)
			}
			opened = append(opened, parties[1].run.last)
		}
		if chi := chiSquare(cellsOf(bigs(opened), p.in.modulusOfT())); x.passes && chi > chiLimit {
			t.Errorf("%s: what is opened is not uniform: χ² is %.0f", name, chi)
		}
	}
	var opened []uint64
	for range 160 {
		c := newPieceCase(t, p, rng, []int{1, 2}, s, firms(4))
		c.witnesses[0] = 0
		parties := c.members(t, nil)
		deliver(t, rng, parties)
		opened = append(opened, parties[1].run.checks...)
	}
	if chi := chiSquare(cellsOf(bigs(opened), p.in.modulusOfT())); chi > chiLimit {
		t.Errorf("what a wrong witness opens is not uniform: χ² is %.0f", chi)
	}
}
