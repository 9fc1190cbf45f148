package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/restore"
)

// disaster is a cluster of which backups and shares were made.
type disaster struct {
	*cluster
	archive backup.Archive
	shares  map[string][]byte
	key     *age.HybridIdentity
}

// prepare makes a backup, and has every node's share exported.
func (c *cluster) prepare(ctx context.Context, t *testing.T) *disaster {
	t.Helper()
	d := &disaster{cluster: c, shares: map[string][]byte{}, key: newAgeKey(t)}
	_, d.archive = c.archive(ctx, t.TempDir(), d.key)
	for id := range c.nodes {
		d.shares[id] = c.export(ctx, id, d.key)
	}
	return d
}

// order is the operator's order to go on from the backup.
func (d *disaster) order() recovery.Restore {
	d.t.Helper()
	rosters, err := d.archive.Rosters()
	if err != nil {
		d.t.Fatal(err)
	}
	b, err := restore.SignOrder(rosters[len(rosters)-1], recovery.Restore{Order: recovery.Order{
		Cluster: d.archive.Cluster, Size: d.archive.Size, Root: d.archive.Root, Made: time.Now().UnixMilli(),
	}}, d.operator.Signing())
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *disaster) source(ctx context.Context) restore.Backup {
	parts := map[catalog.Digest]backup.Part{}
	b := restore.Backup{Roster: d.archive.Roster, Ledger: d.archive.Stream(ctx)}
	for _, p := range d.archive.Blobs {
		parts[p.Digest] = p
		b.Blobs = append(b.Blobs, p.Digest)
	}
	b.Load = func(ctx context.Context, g catalog.Digest) ([]byte, error) { return d.archive.Load(ctx, parts[g]) }
	return b
}

func (d *disaster) restore(ctx context.Context, id string, order recovery.Restore) error {
	return restore.FromBackup(ctx, d.nodeDir(id), founding.SealKey{File: d.sealKey(id)}, d.genesis, order, d.source(ctx), func(int, int) {})
}

// wipeAll stops all nodes and removes their machines.
func (d *disaster) wipeAll(ctx context.Context, keep ...string) {
	d.t.Helper()
	for _, id := range slices.Sorted(maps.Keys(d.shares)) {
		if d.nodes[id] != nil {
			d.close(id)
		}
		if slices.Contains(keep, id) {
			continue
		}
		d.wipe(id)
		if err := d.importShare(ctx, d.nodeDir(id), id, d.shares[id], d.key); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *disaster) restored(ctx context.Context, id string) (r recovery.Restored) {
	d.t.Helper()
	d.await(ctx, id+" to have the restore", func() bool {
		var known bool
		err := d.nodes[id].view(func(v state.View) (err error) { r, known, err = v.Restored(); return err })
		return err == nil && known
	})
	return r
}

// end has the operator of all seats wait for nobody any more.
func (d *disaster) end(ctx context.Context, order recovery.Restore) {
	d.t.Helper()
	if _, err := d.client(d.operator).Submit(ctx, catalog.KindRestoreEnd, recovery.End{Order: order.Order.ID()}); err != nil {
		d.t.Fatal(err)
	}
}

// refusedBy reports whether an error is a refusal by a rule.
func refusedBy(err error, rule string) bool {
	r, is := client.IsRefused(err)
	return is && r.Rule == rule
}

// Backup → all machines wiped → restore: same figures, same receipts, same budgets.
func TestWipedClusterIsRestored(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	q := askStations(ctx, t, bureau, truth)
	receipt, _, err := audit.QueryReceipt(ctx, bureau, q.ID)
	if err != nil {
		t.Fatal(err)
	}
	d := c.prepare(ctx, t)
	before, _, err := audit.Checkpoint(ctx, bureau)
	if err != nil {
		t.Fatal(err)
	}
	order := d.order()
	if err := d.restore(ctx, "n1", order); !errors.Is(err, nodeshare.ErrStarted) {
		t.Errorf("on a node that has started: %v", err)
	}
	d.wipeAll(ctx)
	unsigned := order
	unsigned.Signatures = nil
	if err := d.restore(ctx, "n1", unsigned); !errors.Is(err, restore.ErrOrder) {
		t.Errorf("an order that nobody signed: %v", err)
	}
	for id := range d.shares {
		if err := d.restore(ctx, id, order); err != nil {
			t.Fatal(err)
		}
	}
	for id := range d.shares {
		d.open(id)
	}
	if r := d.restored(ctx, "n2"); r.Seq != d.archive.Size || r.Seen != d.archive.Size {
		t.Errorf("restored as %+v, want the next entry after %d", r, d.archive.Size)
	}
	bureau = d.client(bureau.Key())
	if _, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{}); !refusedBy(err, "restoring") {
		t.Errorf("a query while the cluster waits: %v", err)
	}
	d.end(ctx, order)
	askStations(ctx, t, bureau, truth)
	d.presentToOneBehind(ctx, bureau, order)
	askStations(ctx, t, bureau, truth)
	if _, err := audit.VerifyReceipt(d.profile, receipt); err != nil {
		t.Errorf("a receipt of before: %v", err)
	}
	after, _, err := audit.Checkpoint(ctx, bureau)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.CheckConsistency(ctx, bureau, before.Checkpoint, after.Checkpoint); err != nil {
		t.Errorf("the log of before does not begin the restored one: %v", err)
	}
}

// Incident: a restored image that answers with its old past. What came after the backup is lost,
// a client shows that it was there, and everything that it could have spent is closed. A stale
// directory that is put back is noticed, and takes the restored past.
func TestRestoreThatLostSomethingClosesIt(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	d := c.prepare(ctx, t)
	askStations(ctx, t, bureau, truth) // after the backup
	_, note, err := audit.Checkpoint(ctx, bureau)
	if err != nil {
		t.Fatal(err)
	}
	seen, _, err := audit.Monitor(ctx, bureau, audit.State{Version: 1, Cluster: c.genesis.Cluster()})
	if err != nil {
		t.Fatal(err)
	}
	order := d.order()
	d.wipeAll(ctx, "n3")
	stale := filepath.Join(t.TempDir(), "n3")
	if err := os.Rename(d.nodeDir("n3"), stale); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"n1", "n2"} {
		if err := d.restore(ctx, id, order); err != nil {
			t.Fatal(err)
		}
	}
	d.open("n1")
	d.open("n2")
	d.restored(ctx, "n1")
	bureau = d.client(bureau.Key())
	if err := audit.Present(ctx, bureau, []byte("weir/other\n1\n\n")); !isProblem(err, wire.KindRequest) {
		t.Errorf("a checkpoint of nobody: %v", err)
	}
	if err := audit.Present(ctx, bureau, note); err != nil {
		t.Fatal(err)
	}
	d.await(ctx, "what was shown to be known", func() bool { return d.restored(ctx, "n1").Lost() > 0 })
	if next, look, err := audit.Monitor(ctx, bureau, seen); err != nil || look.Restored == nil || look.Lost <= d.archive.Size || next.Nodes["n3"].Size > 0 {
		t.Errorf("who has seen what is lost sees %+v (%v)", look, err)
	}
	// What is signed later, the operators' order does not explain.
	forged := evidence.Checkpoint{Origin: c.nodes["n1"].checkpoints.origin(), Size: 1 << 20}
	lines, err := evidence.SignCheckpoint(c.nodes["n1"].signing, "n1", forged, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	later := audit.State{Version: 1, Cluster: c.genesis.Cluster(), Nodes: map[string]audit.Head{"n1": {Size: 1 << 20, Note: evidence.Assemble(forged, lines)}}}
	_, _, err = audit.Monitor(ctx, bureau, later)
	if _, forked := errors.AsType[*audit.ForkError](err); !forked {
		t.Errorf("a fork after the restore: %v", err)
	}
	d.end(ctx, order)
	if _, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{}); !refusedBy(err, "restored") {
		t.Errorf("a query on what was closed: %v", err)
	}
	if _, err := bureau.Submit(ctx, catalog.KindDatasetReopen, recovery.Reopen{Dataset: "stations", Order: order.Order.ID(), Statement: "nobody asked but we"}); err != nil {
		t.Fatal(err)
	}
	askStations(ctx, t, bureau, truth)

	if err := os.Rename(stale, d.nodeDir("n3")); err != nil {
		t.Fatal(err)
	}
	n := d.open("n3")
	select { // Run opens it again then
	case err := <-n.Failed():
		if !errors.Is(err, errRestored) {
			t.Fatalf("the stale node: %v", err)
		}
	case <-ctx.Done():
		t.Fatal("a stale node does not notice that the cluster was restored")
	}
	d.close("n3")
	n = d.open("n3")
	d.await(ctx, "the stale node to vote", func() bool { return n.ledger.MayVote() == nil })
	d.await(ctx, "the stale node to be ready", func() bool { ok, _ := n.standing.Ready(); return ok })
	d.close("n1")
	d.awaitGone(ctx, "n1")
	d.forgetAnswers()
	askStations(ctx, t, bureau, truth)
}

// presentToOneBehind shows the cluster its own newest checkpoint, at nodes of which now and then one
// lacks the last entry of it. Nobody needs a key for that, and nothing is lost.
func (d *disaster) presentToOneBehind(ctx context.Context, bureau *client.Client, order recovery.Restore) {
	d.t.Helper()
	for range 40 {
		_, err := bureau.Submit(ctx, catalog.KindDatasetReopen, recovery.Reopen{Dataset: "stations", Order: order.Order.ID(), Statement: "refused, and recorded"})
		if _, refused := client.IsRefused(err); !refused {
			d.t.Fatal(err)
		}
		lead, known := d.nodes["n1"].ledger.Leader()
		if !known {
			continue
		}
		n := d.nodes[lead]
		note, _, err := n.checkpoints.gather(ctx, n.ledger.NextSeq())
		if err != nil {
			d.t.Fatal(err)
		}
		for _, m := range d.nodes {
			if err := m.backups.Present(ctx, note); err != nil {
				d.t.Fatal(err)
			}
		}
		if r := d.restored(ctx, lead); r.Lost() > 0 {
			d.t.Fatalf("%d entries are lost by the log's own checkpoint", r.Lost())
		}
	}
}

func TestAnOrderIsUsedForAWeek(t *testing.T) {
	o := recovery.Order{Made: 1_790_000_000_000}
	made := time.UnixMilli(o.Made)
	for age, usable := range map[time.Duration]bool{
		0: true, 7 * 24 * time.Hour: true, 7*24*time.Hour + 1: false, -time.Hour: true, -25 * time.Hour: false,
	} {
		if err := restore.CheckAge(o, made.Add(age)); errors.Is(err, restore.ErrOrder) == usable {
			t.Errorf("%s after it was made: %v", age, err)
		}
	}
}

func isProblem(err error, kind string) bool {
	p, is := errors.AsType[*wire.Problem](err)
	return is && p.Kind == kind
}
