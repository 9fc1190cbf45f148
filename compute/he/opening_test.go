package he

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestSharesAddUpForEverySetAndRoot opens a sum of tiles for n = 2..5, t = 2..n,
// all active sets, all roots.
func TestSharesAddUpForEverySetAndRoot(t *testing.T) {
	for n := 2; n <= 5; n++ {
		for th := 2; th <= n; th++ {
			t.Run(fmt.Sprintf("%d-of-%d", th, n), func(t *testing.T) {
				c := newCluster(t, small(t, n, th))
				rng := rand.New(rand.NewPCG(uint64(n), uint64(th)))
				rows := [][]int64{readings(rng, c.p.Values(), 52), readings(rng, c.p.Values(), 52), readings(rng, c.p.Values()/2, 52)}
				want := make([]int64, c.p.Values())
				for _, row := range rows {
					for i, v := range row {
						want[i] += v
					}
				}
				acc := c.accumulate(t, c.encrypt(t, rows...)...)
				for _, active := range subsets(n, th) {
					for _, root := range active {
						shares := c.open(t, c.opening(t, acc, active, root), acc)
						got := c.reveal(t, shares)
						for i := range want {
							if got[i] != want[i] {
								t.Fatalf("set %v, root %d, slot %d: %d instead of %d", active, root, i, got[i], want[i])
							}
						}
						if parity := c.parity(t, shares); parity != 0 {
							t.Fatalf("set %v, root %d: parity %d", active, root, parity)
						}
					}
				}
			})
		}
	}
}

// TestRepeatReturnsTheSameBytes: a node asked again gives nothing new.
func TestRepeatReturnsTheSameBytes(t *testing.T) {
	c := newCluster(t, small(t, 4, 3))
	acc := c.accumulate(t, c.encrypt(t, []int64{1, 2, 3})...)
	o := c.opening(t, acc, []int{1, 2, 4}, 2)
	d1, s1, err := c.keys[1].Contribute(o, acc)
	if err != nil {
		t.Fatal(err)
	}
	d2, s2, err := c.keys[1].Contribute(o, acc)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(d1, d2) || fmt.Sprint(s1) != fmt.Sprint(s2) {
		t.Fatal("a repeat returned other bytes")
	}
}

// TestShareOfAnotherOpeningIsRefused changes every field of the context in turn.
func TestShareOfAnotherOpeningIsRefused(t *testing.T) {
	c := newCluster(t, small(t, 4, 3))
	acc := c.accumulate(t, c.encrypt(t, []int64{1, 2, 3})...)
	o := c.opening(t, acc, []int{1, 2, 4}, 2)
	ds, _ := c.contributions(t, o, acc)
	changes := map[string]func(*Opening){
		"cluster": func(o *Opening) { o.Cluster[0] ^= 1 },
		"key":     func(o *Opening) { o.Key = "other" },
		"epoch":   func(o *Opening) { o.Epoch++ },
		"query":   func(o *Opening) { o.Query = "other" },
		"attempt": func(o *Opening) { o.Attempt++ },
		"plan":    func(o *Opening) { o.Plan[0] ^= 1 },
		"number":  func(o *Opening) { o.Number++ },
		"set":     func(o *Opening) { o.Active = []int{1, 2, 3} },
		"root":    func(o *Opening) { o.Root = 4 },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			other := o
			change(&other)
			if other.Context() == o.Context() {
				t.Fatal("the context does not depend on it")
			}
			mixed, _ := c.contributions(t, other, acc)
			if name == "set" || name == "root" {
				mixed = map[int][]byte{1: mixed[1], 4: ds[4]}
			} else {
				mixed[4] = ds[4]
			}
			if name == "root" {
				other = o // the share for root 4 reaches root 2
			}
			if name == "set" {
				other = o
			}
			if _, err := c.keys[other.Root].Combine(other, acc, mixed); !errors.Is(err, ErrForeignShare) {
				t.Fatalf("error is %v", err)
			}
		})
	}
	stranger := newCluster(t, c.p)
	foreign, _, err := stranger.keys[1].Contribute(o, acc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.keys[2].Combine(o, acc, map[int][]byte{1: foreign, 4: ds[4]}); !errors.Is(err, ErrForeignShare) {
		t.Fatalf("share of another key under the same names: error is %v", err)
	}
	swapped := map[int][]byte{1: ds[4], 4: ds[1]}
	if _, err := c.keys[2].Combine(o, acc, swapped); !errors.Is(err, ErrForeignShare) {
		t.Fatalf("swapped shares: error is %v", err)
	}
	ds[3] = ds[1]
	if _, err := c.keys[2].Combine(o, acc, ds); !errors.Is(err, ErrForeignShare) {
		t.Fatalf("one too many: error is %v", err)
	}
	delete(ds, 3)
	delete(ds, 1)
	if _, err := c.keys[2].Combine(o, acc, ds); !errors.Is(err, ErrMissing) {
		t.Fatalf("one missing: error is %v", err)
	}
}
