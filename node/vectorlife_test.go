package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/vault"
)

// A registration needs every node. With one down it waits, says for whom, and goes on
// when it is back, with the nonces that were given: a commitment has one challenge.
func TestRegistrationWaitsForTheNodeThatIsDown(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	x.close("n3")
	var mu sync.Mutex
	var last catalog.Vector
	type outcome struct {
		v   catalog.Vector
		err error
	}
	done := make(chan outcome, 1)
	plan := x.vector("mine", 1, selected(func(f int) bool { return f < 20 }))
	watched := make(chan struct{}) // that two nodes have their shares
	var once sync.Once
	plan.Watch = func(v catalog.Vector) {
		if v.State == catalog.VectorStoring && len(v.Nonces) == 3 && v.Nonces[0] != nil && v.Nonces[1] != nil && v.Nonces[2] == nil {
			once.Do(func() { close(watched) })
		}
	}
	go func() {
		v, err := vector.Register(ctx, x.buyer, plan, func(v catalog.Vector) {
			mu.Lock()
			defer mu.Unlock()
			last = v
		})
		done <- outcome{v, err}
	}()
	var before catalog.Vector
	x.await(ctx, "two of three nodes to hold their shares", func() bool {
		var pending []catalog.Vector
		if err := x.nodes["n1"].view(func(v state.View) (err error) {
			pending, err = v.Vectors().Pending()
			return err
		}); err != nil || len(pending) != 1 {
			return false
		}
		before = pending[0]
		return before.Nonces[0] != nil && before.Nonces[1] != nil
	})
	if before.State != catalog.VectorStoring || before.Nonces[2] != nil {
		t.Fatalf("with n3 down the vector is %s, nonces %v", before.State, before.Nonces)
	}
	select {
	case <-watched:
	case <-ctx.Done():
		t.Fatal("whoever watches the registration is not told")
	}
	x.open("n3")
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	if d := cmp.Diff(before.Nonces[:2], got.v.Nonces[:2]); d != "" {
		t.Errorf("nonces changed (-before +after)\n%s", d)
	}
	mu.Lock()
	defer mu.Unlock()
	if last.State != catalog.VectorReady {
		t.Errorf("the last that was told is %s", last.State)
	}
}

// A vector outlives the nodes' processes, and a dropped one is erased from their
// vaults.
func TestVectorsAreThereAfterARestartAndGoneAfterADrop(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	mine := selected(func(f int) bool { return f < 20 })
	v := x.register(ctx, t, x.vector("mine", 1, mine))
	for _, m := range x.body.Nodes {
		x.close(m.ID)
	}
	for _, m := range x.body.Nodes {
		x.open(m.ID)
	}
	sum, _ := x.sums(mine)
	total := sum["c0"] + sum["c1"]
	got := queryRows(ctx, t, x.buyer, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)`)
	if want := fmt.Sprintf("%d.%d", total/10, total%10); got[0][0] != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if err := vector.Drop(ctx, x.buyer, v.ID); err != nil {
		t.Fatal(err)
	}
	x.await(ctx, "the shares to be erased", func() bool {
		for _, n := range x.nodes {
			names, err := n.vault.List("vector/")
			if err != nil || len(names) > 0 {
				return false
			}
		}
		return true
	})
	for _, n := range x.nodes {
		if _, err := n.mpc.Vectors.Share(v); !errors.Is(err, failure.ErrNoShare) || !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s: %v", n.id, err)
		}
	}
}

// A member that was started anew within the check of a vector does not run it again:
// its throw-away keys are gone. The attempt is ended, and the next one completes.
func TestCheckOfAVectorIsNotRunAgainAfterARestart(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	v := x.register(ctx, t, x.vector("mine", 1, selected(func(f int) bool { return f < 20 })))
	n := x.nodes["n1"]
	// As a process finds the state that it died in.
	x.await(ctx, "n1 to see the vector ready", func() bool {
		err := n.view(func(view state.View) (err error) {
			v, err = view.Vectors().Get(v.ID)
			return err
		})
		return err == nil && v.State == catalog.VectorReady
	})
	v.State, v.Checks = catalog.VectorProving, make([][]uint64, 2)
	v.Attempts = []catalog.Attempt{{Number: 1, Active: []string{"n1", "n2"}}}
	if d := n.reconciler.bitsTask(v); len(d) != 1 || d[0].name != mpc.VectorSession(v.ID, 1) {
		t.Fatalf("tasks %+v", d)
	}
	n.reconciler.interrupted[mpc.VectorSession(v.ID, 1)] = true
	if d := n.reconciler.bitsTask(v); len(d) != 1 || !strings.HasPrefix(d[0].name, "end ") {
		t.Errorf("tasks %+v, want that the attempt is ended", d)
	}
	// Within one run it is not run twice either.
	if err := n.mpc.Attempts.Begin(mpc.VectorSession(v.ID, 2)); err != nil {
		t.Fatal(err)
	}
	if err := n.mpc.Vectors.CheckBits(ctx, v, catalog.Attempt{Number: 2, Active: []string{"n1", "n2"}}); !errors.Is(err, failure.ErrHalfway) || !failure.Ends(err) {
		t.Errorf("got %v, want %v, which ends the attempt", err, failure.ErrHalfway)
	}
}

// The stated scale of weighted sums is the largest weight times the range: weights of
// 2^15 and 1 would tell the second reading modulo 2^15.
func TestWeightsAreReleasedWithTheirNoiseAlone(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	x.register(ctx, t, x.vector("loans", 16, func(f int) uint64 {
		if f < 5 {
			return 1 << 15
		}
		return uint64(b2i(f == 5))
	}))
	sql := `SELECT SUM(co2 * PRIVATE(loans)) FROM firms WHERE period = '2024-01'`
	_, err := ask.Query(ctx, x.buyer, sql, ask.Options{})
	if refusal, refused := client.IsRefused(err); !refused || refusal.Rule != "weights" || explain.Fix(refusal) == "" {
		t.Fatalf("exactly: %v, want a refusal that says what would pass", err)
	}
	r, err := ask.Query(ctx, x.buyer, sql, ask.Options{Epsilon: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Table.Noise == nil || len(r.Table.Noise.Sums) != 1 {
		t.Fatalf("the stated noise is %+v", r.Table.Noise)
	}
	// One month of one column: 65,535 × 1,000.0 t at epsilon 1, from each of two nodes.
	if got := r.Table.Noise.Sums[0]; got.Parameter != "65535000.0" && got.Parameter != "65535000" || got.Nodes != 2 {
		t.Errorf("the stated noise is %+v, want a scale of 65535000 t for each of two nodes", got)
	}
}

// Whoever is told nothing but the sums cannot be told more by what a client is allowed
// to send: values that are no weights are refused before they are shared.
func TestClientSharesNoValueThatIsNotOfTheBits(t *testing.T) {
	t.Parallel()
	params, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []uint64{2, 1 << 40, params.T() - 1} {
		values := slices.Repeat([]uint64{1}, firmCount)
		values[7] = bad
		if _, err := he.DealVector(params, he.VectorSpec{Nodes: 3, Threshold: 2, Entities: firmCount, Bits: 1}, values); !errors.Is(err, he.ErrVector) {
			t.Errorf("%d as an entry of a selector: %v", bad, err)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
