package he

import (
	"slices"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// TestWorkspacesComeBackZero looks at the workspace that a call has used: every
// caller names the polynomials it has written, and one left out would stay in
// memory.
func TestWorkspacesComeBackZero(t *testing.T) {
	c := newCluster(t, small(t, 4, 3))
	acc := c.accumulate(t, c.encrypt(t, []int64{1, 2, 3})...)
	o := c.opening(t, acc, []int{1, 2, 3}, 1)
	ds, _ := c.contributions(t, o, acc)
	reference := [32]byte{7}
	dealer := must[*Dealer](t)(NewDealer(c.p, reference, 2))
	public := [][]byte{dealer.PublicShare()}
	for _, i := range []int{1, 3, 4} {
		public = append(public, must[*Dealer](t)(NewDealer(c.p, reference, i)).PublicShare())
	}
	for name, call := range map[string]func() error{
		"contribution": func() error { _, _, err := c.keys[2].Contribute(o, acc); return err },
		"combination":  func() error { _, err := c.keys[1].Combine(o, acc, ds); return err },
		"resharing":    func() error { _, err := c.keys[1].Reshare(c.p, reference, o.Active); return err },
		"dealer":       func() error { _, err := NewDealer(c.p, reference, 2); return err },
		"public key":   func() error { _, err := CombinePublicShares(c.p, reference, public); return err },
	} {
		testComesBackZero(t, name, c.p.in, call)
	}
}

func testComesBackZero(t *testing.T, name string, in *instance, call func() error) {
	t.Helper()
	// The pool may drop what it is given, so ask until it is the same one.
	for range 1000 {
		w := in.scratch.get()
		in.scratch.put(w, w.a, w.b, w.c)
		if err := call(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		after := in.scratch.get()
		if after != w {
			continue
		}
		for i, a := range []ring.Poly{w.a, w.b, w.c, {Coeffs: [][]uint64{w.m}}} {
			for _, limb := range a.Coeffs {
				if slices.Max(limb) != 0 {
					t.Errorf("%s: number %d of the workspace is not zero", name, i)
					break
				}
			}
		}
		return
	}
	t.Errorf("%s: the pool never gave a workspace again", name)
}
