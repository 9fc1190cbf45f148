package node

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/deposit"
	"github.com/weirdata/weir/node/founding"
)

// A machine is lost, and its custodians make another one that node, which says so in the ledger. Another
// that is made of the same deposit, while nobody could be asked, stops.
func TestADepositIsBurnedByTheNodeThatIsMadeOfIt(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	alice, bob := newAgeKey(t), newAgeKey(t)
	file := filepath.Join(t.TempDir(), "n3.deposit")
	key := founding.SealKey{File: c.sealKey("n3")}
	h, err := deposit.Make(ctx, c.nodeDir("n3"), key, c.genesis.Cluster(), time.Now().UnixMilli(), []age.Recipient{alice.Recipient(), bob.Recipient()}, 2, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client(c.operator).Submit(ctx, catalog.KindDepositRegister, h.Register()); err != nil {
		t.Fatal(err)
	}
	standing := func() (s custody.Standing) {
		t.Helper()
		list, err := client.Deposits.All(ctx, bureau)
		if err != nil || len(list) != 1 {
			t.Fatalf("deposits %+v (%v)", list, err)
		}
		return list[0].Standing
	}
	if s := standing(); !s.Current() {
		t.Errorf("a deposit of now is %+v", s)
	}
	ready, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	if err := govern.RefreshKey(ctx, c.client(c.operator), ready.Record.ID); err != nil {
		t.Fatal(err)
	}
	c.await(ctx, "the refresh", func() bool { return standing().Keys == 1 })
	n3 := c.nodes["n3"]
	c.await(ctx, "n3 to say that its deposit is older than its shares", func() bool { s := n3.standing.Status().Shares; return s.Deposit != nil && s.Undeposited() == 1 })
	if h, err = deposit.Make(ctx, c.nodeDir("n3"), key, c.genesis.Cluster(), time.Now().UnixMilli(), []age.Recipient{alice.Recipient(), bob.Recipient()}, 2, file+".2"); err != nil {
		t.Fatal(err)
	}
	c.close("n3")

	recovered := func() {
		t.Helper()
		c.wipe("n3")
		d, err := deposit.Open(file + ".2")
		if err != nil {
			t.Fatal(err)
		}
		var pieces []deposit.Piece
		for _, who := range []age.Identity{alice, bob} {
			p, err := d.Own([]age.Identity{who})
			if err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, p)
		}
		if _, err := d.Recover(ctx, c.nodeDir("n3"), key, "n3", &c.genesis, pieces); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	recovered()
	n3 = c.open("n3")
	c.await(ctx, "the machine to vote", func() bool { return n3.ledger.MayVote() == nil })
	c.await(ctx, "the machine to be ready", func() bool { ok, _ := n3.standing.Ready(); return ok })
	c.await(ctx, "the deposit to be burned", func() bool {
		list, err := client.Deposits.All(ctx, bureau)
		for _, d := range list {
			if d.Deposit.Deposit == h.Digest() {
				return d.Standing.Burned
			}
		}
		return err != nil && false
	})
	c.close("n1")
	c.awaitGone(ctx, "n1")
	c.forgetAnswers()
	askStations(ctx, t, bureau, truth) // by its shares
	c.open("n1")
	c.close("n3")

	recovered()
	select {
	case err := <-c.open("n3").Failed():
		if !errors.Is(err, errBurned) {
			t.Errorf("the second machine of one deposit: %v", err)
		}
	case <-ctx.Done():
		t.Error("the second machine of one deposit goes on")
	}
}
