package he

import (
	"errors"
	"slices"
	"testing"
)

// refreshed is a cluster whose key the dealers shared anew among the same nodes. change alters
// what dealer i deals to node j.
func (c *cluster) refreshed(t *testing.T, dealers []int, change func(i, j int, dealing []byte)) *cluster {
	t.Helper()
	reference := [32]byte{9, 9}
	var deal []*Dealer
	for _, i := range dealers {
		deal = append(deal, must[*Dealer](t)(c.keys[i].Reshare(c.p, reference, dealers)))
	}
	next := &cluster{p: c.p, publicKey: c.publicKey, shares: map[int][]byte{}, keys: map[int]*NodeKey{}}
	pairs := pairSeeds(t, c.p.Nodes())
	for j := 1; j <= c.p.Nodes(); j++ {
		var dealings [][]byte
		for k, d := range deal {
			b := must[[]byte](t)(d.Dealing(j))
			if change != nil {
				change(dealers[k], j, b)
			}
			dealings = append(dealings, b)
		}
		next.shares[j] = must[[]byte](t)(CombineReshared(c.p, reference, j, dealers, dealings))
		next.keys[j] = must[*NodeKey](t)(NewNodeKey(c.p, j, next.shares[j], pairs[j], must[[32]byte](t)(NewPairSeed())))
	}
	return next
}

// opens counts how many of the values a set opens rightly.
func (c *cluster) opens(t *testing.T, tile []byte, active []int, values []int64) (right int) {
	t.Helper()
	acc := c.accumulate(t, tile)
	for i, got := range c.reveal(t, c.open(t, c.opening(t, acc, active, active[0]), acc))[:len(values)] {
		if got == values[i] {
			right++
		}
	}
	return right
}

func manyValues(n int) []int64 {
	v := make([]int64, n)
	for i := range v {
		v[i] = int64(i)*1_000_003 - 77
	}
	return v
}

// What a node contributes names the sharing, so that shares of two of them never meet by
// accident.
func TestContributionsOfAnotherSharingAreRefused(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	next := c.refreshed(t, []int{1, 3}, nil)
	acc := c.accumulate(t, c.encrypt(t, []int64{5})[0])
	o := c.opening(t, acc, []int{1, 2}, 1)
	ds, _ := next.contributions(t, o, acc)
	if _, err := c.keys[1].Combine(o, acc, ds); !errors.Is(err, ErrForeignShare) {
		t.Errorf("a contribution of another sharing: %v", err)
	}
}

// An old share and new ones are worth no more together than the old one alone: what they
// combine to opens nothing. The new ones by themselves open what the old ones did.
func TestSharesOfTwoEpochsDoNotCombine(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	values := manyValues(100)
	tile := c.encrypt(t, values)[0]
	next := c.refreshed(t, []int{1, 3}, nil)
	for _, set := range [][]int{{1, 2}, {1, 3}, {2, 3}} {
		if right := next.opens(t, tile, set, values); right != len(values) {
			t.Errorf("new shares of %v open %d of %d values", set, right, len(values))
		}
		for _, old := range set {
			pairs := pairSeeds(t, 3)
			mixed := &cluster{p: c.p, publicKey: c.publicKey, keys: map[int]*NodeKey{}}
			for _, j := range set {
				share := slices.Clone(next.shares[j])
				if j == old { // under the header of the new one, without which it is refused
					copy(share[headerBytes+contextSize:], c.shares[j][headerBytes+contextSize:])
				}
				mixed.keys[j] = must[*NodeKey](t)(NewNodeKey(c.p, j, share, pairs[j], must[[32]byte](t)(NewPairSeed())))
			}
			if right := mixed.opens(t, tile, set, values); right > 0 {
				t.Errorf("the old share of %d and the new one of the other in %v open %d values", old, set, right)
			}
		}
	}
}

// A dealer whose constant term is not its part of the key, or whose dealings lie on no
// polynomial of degree t−1, spoils a test set: the sets cover every node.
func TestTestSetsFindAWrongDealer(t *testing.T) {
	c := newCluster(t, small(t, 4, 2))
	values := manyValues(100)
	tile := c.encrypt(t, values)[0]
	sets := [][]int{{1, 2}, {2, 3}, {3, 4}} // as roster.TestSets has them
	flip := func(b []byte) { b[len(b)/2] ^= 1 }
	for name, change := range map[string]func(i, j int, b []byte){
		"another secret": func(i, _ int, b []byte) { // the same difference at every point
			if i == 2 {
				flip(b)
			}
		},
		"off the polynomial at 1": func(i, j int, b []byte) {
			if i == 2 && j == 1 {
				flip(b)
			}
		},
		"off the polynomial at 4": func(i, j int, b []byte) {
			if i == 2 && j == 4 {
				flip(b)
			}
		},
	} {
		wrong := 0
		next := c.refreshed(t, []int{2, 4}, change)
		for _, set := range sets {
			if next.opens(t, tile, set, values) != len(values) {
				wrong++
			}
		}
		if wrong == 0 {
			t.Errorf("%s: every test set opens", name)
		}
	}
	for _, set := range sets {
		if right := c.refreshed(t, []int{2, 4}, nil).opens(t, tile, set, values); right != len(values) {
			t.Errorf("honest dealers: %v opens %d values", set, right)
		}
	}
}
