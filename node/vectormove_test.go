package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

// vectorAt is a vector as a node's state has it; zero where it has not got so far.
func (c *cluster) vectorAt(node, id string) (v catalog.Vector) {
	c.t.Helper()
	err := c.nodes[node].view(func(view state.View) (err error) {
		v, err = view.Vectors().Get(id)
		return err
	})
	if err != nil && !errors.Is(err, records.ErrNotFound) {
		c.t.Fatal(err)
	}
	return v
}

// awaitMoved waits until vectors are under another sharing than those of before, of which
// nothing is left.
func (c *cluster) awaitMoved(ctx context.Context, before map[string]uint64) {
	c.t.Helper()
	c.await(ctx, "the vectors to be moved", func() bool {
		for id, was := range before {
			for node := range c.nodes {
				if v := c.vectorAt(node, id); v.ID == "" || v.InForce().Move == was || v.Moving != 0 {
					return false
				}
			}
		}
		return true
	})
	for id := range before {
		before[id] = c.vectorAt("n1", id).InForce().Move
		for node, n := range c.nodes {
			names, err := n.vault.List("vector/" + id)
			if err != nil {
				c.t.Fatal(err)
			}
			if want := []string{fmt.Sprintf("vector/%s/%d", id, before[id])}; !slices.Equal(names, want) {
				c.t.Fatalf("%s has %v, want %v", node, names, want)
			}
		}
	}
}

// renew takes the newest roster over, as clients do whose profile is old.
func (x *exchangeOf) renew(ctx context.Context, lists string) {
	x.t.Helper()
	c := x.client(x.buyer.Key())
	if _, err := c.Cluster(ctx); err != nil {
		x.t.Fatal(err)
	}
	renewed, newer := c.Renewed()
	if !newer {
		x.t.Fatal("the roster did not change")
	}
	x.profile = renewed
	x.buyer, x.bureau = x.clientWith(x.buyer.Key(), client.Options{Records: lists}), x.client(x.bureau.Key())
}

func (x *exchangeOf) wantSum(ctx context.Context, t *testing.T, name string, weight func(int) uint64) {
	t.Helper()
	sum, _ := x.sums(weight)
	total := sum["c0"] + sum["c1"]
	got := queryRows(ctx, t, x.buyer, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(`+name+`)`)
	if want := fmt.Sprintf("%d.%d", total/10, total%10); got[0][0] != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// A portfolio is answered after every machine that it was sealed to has been replaced, one after
// the other, without its owner; so are weights. The machines that answer in the end never saw a
// share that the owner dealt.
func TestAPortfolioOutlivesEveryMachine(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	lists := t.TempDir() // the buyer's lists, of which its client makes what exact figures are tested with
	x.buyer = x.clientWith(x.buyer.Key(), client.Options{Records: lists})
	mine := selected(func(f int) bool { return f%4 < 2 })
	loans := func(f int) uint64 { return uint64(f % 7) } //nolint:gosec // a firm
	var firms []int
	for f := range firmCount {
		if mine(f) > 0 {
			firms = append(firms, f)
		}
	}
	kept, err := portfolio.Keep(ctx, x.buyer, lists, x.portfolio("mine", firms, ""))
	if err != nil {
		t.Fatal(err)
	}
	moves := map[string]uint64{kept.Vector.ID: 0, x.register(ctx, t, x.vector("loans", 3, loans)).ID: 0}
	epoch := uint64(1)
	for _, id := range []string{"n3", "n1", "n2"} {
		x.close(id)
		x.awaitGone(ctx, id)
		x.replace(ctx, x.newMachine(id))
		x.renew(ctx, lists)
		// Before it votes the next one cannot be spared: the ledger would have no majority.
		x.await(ctx, "the new machine to vote", func() bool { return x.nodes[id].ledger.MayVote() == nil })
		epoch++
		x.awaitRefreshed(ctx, catalog.KeyID(x.bureau.Key().ID()), epoch) // nor can its share
		x.awaitMoved(ctx, moves)
		x.wantSum(ctx, t, "mine", mine)
		x.await(ctx, "the new machine to hold what is published", func() bool {
			v, err := x.bureau.Version(ctx, "firms", 1)
			return err == nil && slices.Contains(v.Acks, id)
		})
	}
	rows := queryRows(ctx, t, x.buyer, `SELECT SUM(PRIVATE(loans)) FROM firms`)
	weight := 0
	for _, c := range x.list {
		if c.co2 >= 0 {
			weight += int(loans(c.firm)) //nolint:gosec // below 7
		}
	}
	if rows[0][0] != fmt.Sprint(weight) {
		t.Errorf("the weights add up to %v, want %d", rows, weight)
	}
	// An attempt names the sharing that its members read.
	if err := x.nodes["n1"].view(func(v state.View) error {
		queries, _, err := v.QueryPage(x.buyer.Key().ID(), records.Page{})
		for _, q := range queries {
			a := q.Attempts[len(q.Attempts)-1]
			for id := range moves {
				if slices.Contains(q.Submit.Request.Vectors(), id) && a.MoveOf(id) == 0 {
					t.Errorf("attempt of %s names %v", q.ID, a.Vectors)
				}
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A node whose share of a vector is gone has one again after the vectors were shared anew, and
// the shares before are worth nothing with those after.
func TestANodeWithoutItsShareOfAVectorGetsOne(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	mine := selected(func(f int) bool { return f < 20 })
	v := x.register(ctx, t, x.vector("mine", 1, mine))
	n := x.nodes["n2"]
	stolen, err := x.nodes["n3"].vault.Get("vector/" + v.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.vault.Delete("vector/" + v.ID); err != nil {
		t.Fatal(err)
	}
	moves := map[string]uint64{v.ID: 0}
	if err := govern.RefreshVectors(ctx, x.client(x.operator)); err != nil {
		t.Fatal(err)
	}
	x.awaitMoved(ctx, moves)
	x.wantSum(ctx, t, "mine", mine)
	if len(stolen) == 0 {
		t.Fatal("n3 had no share")
	}
	x.close("n1")
	x.awaitGone(ctx, "n1")
	x.wantSum(ctx, t, "mine", mine) // by n2, with n3
}

// A dealer whose share is another than what it was dealt is found by the lines of the others: the
// vector stays where it is, and says why.
func TestADealerOfAnotherVectorIsFound(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	v := x.register(ctx, t, x.vector("mine", 1, selected(func(f int) bool { return f < 20 })))
	other := x.register(ctx, t, x.vector("other", 1, selected(func(f int) bool { return f > 20 })))
	changeShare(t, x.nodes["n3"].vault, "vector/"+v.ID)
	if err := govern.RefreshVectors(ctx, x.client(x.operator)); err != nil {
		t.Fatal(err)
	}
	x.awaitMoved(ctx, map[string]uint64{other.ID: 0})
	x.await(ctx, "the vector to be left where it is", func() bool { return x.vectorAt("n1", v.ID).Tried > 0 })
	if v := x.vectorAt("n1", v.ID); v.InForce().Move != 0 || v.Stays.Code != "move.lines" {
		t.Errorf("the vector is under %+v: %s", v.InForce(), v.Stays)
	}
}

// changeShare changes a number of a share in a vault.
func changeShare(t *testing.T, v *vault.Vault, name string) {
	t.Helper()
	b, err := v.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-20] ^= 1
	if err := v.Put(name, b); err != nil {
		t.Fatal(err)
	}
}

// A dealer that was started anew no longer has what it committed to, and ends the move.
func TestADealerThatWasStartedAnewEndsTheMove(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	v := x.register(ctx, t, x.vector("mine", 1, selected(func(f int) bool { return f < 20 })))
	m := resharing.Move{
		Seq: 1 << 40, State: resharing.Storing, Vectors: []string{v.ID}, Out: make([]catalog.Reason, 1),
		From: v.Nodes, FromThreshold: 2, To: v.Nodes, ToThreshold: 2, Dealers: []int{1, 2}, Deals: make([][]catalog.Digest, 2), Nonces: make([][]byte, 3),
	}
	if err := x.nodes["n1"].mpc.Moves.Step(ctx, m); !errors.Is(err, failure.ErrRestarted) {
		t.Errorf("the dealer says %v", err)
	}
	m.State, m.Lines = resharing.Lining, make([]*resharing.Line, 3)
	m.Nonces = [][]byte{make([]byte, 32), make([]byte, 32), make([]byte, 32)}
	if err := x.nodes["n3"].mpc.Moves.Step(ctx, m); !errors.Is(err, failure.ErrNoShare) {
		t.Errorf("a member without what it was dealt says %v", err)
	}
}
