package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/restore"
)

// look finds out what a node has, which is stopped.
func (c *cluster) look(ctx context.Context, id string) restore.Finding {
	c.t.Helper()
	f, err := restore.Look(ctx, c.nodeDir(id), founding.SealKey{File: c.sealKey(id)}, c.t.TempDir(), time.Now().UnixMilli())
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

func (c *cluster) goOn(ctx context.Context, id string, p restore.Plan) error {
	return restore.FromSurvivor(ctx, c.nodeDir(id), founding.SealKey{File: c.sealKey(id)}, p, filepath.Join(c.t.TempDir(), "scratch"))
}

func (c *cluster) plan(f restore.Finding) restore.Plan {
	c.t.Helper()
	p, err := restore.Plan{}.With(f, "", time.Now().UnixMilli())
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *cluster) bySeats(p restore.Plan) restore.Plan {
	c.t.Helper()
	source, err := p.Source()
	if err != nil {
		c.t.Fatal(err)
	}
	members, err := source.Members()
	if err != nil {
		c.t.Fatal(err)
	}
	if p.Restore, err = restore.SignOrder(members, p.Restore, c.operator.Signing()); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// Two of three are lost for good, and the third goes on with what it has. One comes back with its old
// disk, and takes the new ledger over; the other by its share.
func TestAClusterGoesOnFromWhatOneNodeHas(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	q := askStations(ctx, t, bureau, truth)
	receipt, _, err := audit.QueryReceipt(ctx, bureau, q.ID)
	if err != nil {
		t.Fatal(err)
	}
	to := newAgeKey(t)
	share := c.export(ctx, "n2", to)
	for _, id := range []string{"n3", "n2", "n1"} {
		if id == "n2" { // what comes now nobody but n1 and n2 knows
			if _, err := c.client(bureau.Key()).Submit(ctx, "none", struct{}{}); !refusedBy(err, "kind") {
				t.Fatal(err)
			}
		}
		c.close(id)
	}
	f := c.look(ctx, "n1")
	shorter := c.look(ctx, "n3")
	if f.Size <= shorter.Size || !f.Longer(shorter) || f.Signed == 0 || len(f.Keys) != 1 || !slices.Contains(f.Shares, f.Keys[0].Share) {
		t.Errorf("n1 has %+v, n3 %+v", f, shorter)
	}
	p := c.plan(f)
	left, err := p.Left()
	if err != nil || len(left) != 1 || left[0].Enough() || !slices.Equal(left[0].Without, []string{"n2", "n3"}) {
		t.Errorf("left is %+v (%v)", left, err)
	}
	t.Run("refusals", func(t *testing.T) { c.refuseToGoOn(ctx, t, p, f, shorter) })

	p = c.bySeats(p)
	c.wipe("n2")
	for range 2 {
		if err := c.goOn(ctx, "n1", p); err != nil {
			t.Fatal(err)
		}
	}
	n1 := c.open("n1")
	d := &disaster{cluster: c}
	if r := d.restored(ctx, "n1"); r.Order.Survivor != "n1" || r.Seq != f.Size || r.Lost() != 0 {
		t.Errorf("restored as %+v", r)
	}
	if votes := n1.votes(); len(votes) != 3 || votes["n2"] || votes["n3"] {
		t.Errorf("without a ledger there vote %v", votes)
	}
	n3 := c.open("n3") // with its old disk
	select {
	case err := <-n3.Failed():
		if !errors.Is(err, errRestored) {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("a lost machine that comes back does not notice that the cluster goes on without it")
	}
	c.close("n3")
	n3 = c.open("n3")
	if err := c.importShare(ctx, c.nodeDir("n2"), "n2", share, to); err != nil {
		t.Fatal(err)
	}
	n2 := c.open("n2")
	for _, n := range []*Node{n2, n3} {
		c.await(ctx, n.id+" to vote", func() bool { return n1.votes()[n.id] && n.ledger.MayVote() == nil })
		c.await(ctx, n.id+" to be ready", func() bool { ok, _ := n.standing.Ready(); return ok })
	}
	select { // it has no past that it would have to leave
	case err := <-n2.Failed():
		t.Errorf("a machine that came without a ledger is to be opened again: %v", err)
	default:
	}
	if after := n2.checkpoints.notary.Load().after; after != p.Order.ID() {
		t.Errorf("a machine that came without a ledger signs after %s, want %s", after, p.Order.ID())
	}
	bureau = c.client(bureau.Key())
	if _, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{}); !refusedBy(err, "restoring") {
		t.Errorf("a query while the cluster waits: %v", err)
	}
	d.end(ctx, p.Restore)
	// The survivor is gone as well: those that came back have all.
	c.close("n1")
	c.awaitGone(ctx, "n1")
	c.forgetAnswers()
	askStations(ctx, t, bureau, truth)
	if _, err := audit.VerifyReceipt(c.profile, receipt); err != nil {
		t.Errorf("a receipt of before: %v", err)
	}
	// Incident: a restore ceremony on a node that has started already.
	if err := c.goOn(ctx, "n1", p); !errors.Is(err, consensus.ErrRan) {
		t.Errorf("by the order that it has run by: %v", err)
	}
}

// refuseToGoOn tries what must not make a node the one that the cluster goes on from.
func (c *cluster) refuseToGoOn(ctx context.Context, t *testing.T, p restore.Plan, f, shorter restore.Finding) {
	if err := c.goOn(ctx, "n1", p); !errors.Is(err, restore.ErrOrder) {
		t.Errorf("by an order that nobody signed: %v", err)
	}
	if err := c.goOn(ctx, "n3", c.bySeats(p)); !errors.Is(err, restore.ErrSurvivor) {
		t.Errorf("another survivor, by its order: %v", err)
	}
	stranger := p
	stranger.Signatures = []recovery.Signature{{Operator: newKey(t, "stranger").ID(), Signature: make([]byte, 64)}}
	if err := c.goOn(ctx, "n1", stranger); !errors.Is(err, restore.ErrOrder) {
		t.Errorf("by somebody without a seat: %v", err)
	}
	both, err := p.With(shorter, "", time.Now().UnixMilli())
	if err != nil || both.Order != p.Order {
		t.Errorf("with a survivor that has less the order is %+v (%v)", both.Order, err)
	}
	if _, err := c.bySeats(c.plan(shorter)).With(f, "", time.Now().UnixMilli()); !errors.Is(err, restore.ErrOrder) {
		t.Errorf("another has more than what was signed: %v", err)
	}
	said, err := both.With(f, "n3", time.Now().UnixMilli())
	if err != nil || said.Order.Survivor != "n3" || !said.Shorter {
		t.Errorf("said to be of what has less: %+v (%v)", said.Order, err)
	}
	file := filepath.Join(t.TempDir(), "recover.json")
	for what, change := range map[string]func(*restore.Plan){
		"as it is":                           func(*restore.Plan) {},
		"a figure that the node did not say": func(p *restore.Plan) { p.Survivors[0].Last++ },
		"an order of nothing that is there":  func(p *restore.Plan) { p.Order.Size++ },
		"of a node that said nothing":        func(p *restore.Plan) { p.Order.Survivor = "n2" },
		"of what has less, and not said":     func(p *restore.Plan) { *p = said; p.Shorter = false },
	} {
		x := both
		x.Survivors = slices.Clone(both.Survivors)
		change(&x)
		if err := x.Write(file); err != nil {
			t.Fatal(err)
		}
		if _, err := restore.ReadPlan(file); (err == nil) != (what == "as it is") {
			t.Errorf("%s: %v", what, err)
		}
	}
	// What it had, and has not any more.
	for what, change := range map[string]func(*restore.Finding){
		"fewer entries":   func(f *restore.Finding) { f.Size-- },
		"another root":    func(f *restore.Finding) { f.Root = catalog.Sum(nil) },
		"other committed": func(f *restore.Finding) { f.Committed-- },
	} {
		other := f
		change(&other)
		c.resign(ctx, &other)
		if err := c.goOn(ctx, "n1", c.bySeats(c.plan(other))); !errors.Is(err, restore.ErrSurvivor) {
			t.Errorf("by an order of %s: %v", what, err)
		}
	}
	if cl, err := client.New(c.profile, nil, client.Options{Patience: time.Second}); err != nil || len(nodestatus.Reach(ctx, cl)) > 0 {
		t.Errorf("nodes are reached that are stopped (%v)", err)
	} else {
		cl.Close()
	}
}

// resign has a node sign a finding as if it had found that.
func (c *cluster) resign(ctx context.Context, f *restore.Finding) {
	c.t.Helper()
	v, err := founding.SealKey{File: c.sealKey(f.Node)}.Open(ctx, c.nodeDir(f.Node))
	if err != nil {
		c.t.Fatal(err)
	}
	seed, err := v.Get(founding.SecretIdentity)
	if err := errors.Join(err, v.Close()); err != nil {
		c.t.Fatal(err)
	}
	f.Signature = nil
	f.Signature = ed25519.Sign(ed25519.NewKeyFromSeed(seed), append([]byte("weir survivor v1\n"), catalog.Encode(*f)...))
}
