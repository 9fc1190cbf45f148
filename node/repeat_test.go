package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/vault"
)

// askStations asks for the stations' figures and checks them.
func askStations(ctx context.Context, t *testing.T, c *client.Client, truth [][]string) catalog.Query {
	t.Helper()
	r, err := c.Query(ctx, fmt.Sprintf(stationsSQL, "stations"), client.QueryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := r.Table.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(truth, rowsOf(t, table.Bytes())); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	return r.Query
}

// opened is what the bureau's key has opened, in tiles.
func (c *cluster) opened(ctx context.Context, t *testing.T, publisher *client.Client) int64 {
	t.Helper()
	k, err := publisher.PublisherKey(ctx, publisher.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	return k.Opened
}

// allHold waits until all nodes hold the stations, so that any set may answer.
func (c *cluster) allHold(ctx context.Context, t *testing.T) {
	t.Helper()
	c.await(ctx, "all nodes to hold the version", func() bool {
		return !slices.ContainsFunc(c.body.Nodes, func(m catalog.Node) bool {
			return len(c.version(t, m.ID, "stations", 1).Acks) != len(c.body.Nodes)
		})
	})
}

// A repeat is answered by sealing the stored shares again: the contexts are those of
// the first query's openings, which no new one can have, no tile is opened, and the
// figures are the same. It holds after all nodes were started anew.
func TestRepeatIsAnsweredFromTheStoredShares(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	truth := stationTruth(publishStations(ctx, t, bureau, "stations"))
	c.allHold(ctx, t)
	first := askStations(ctx, t, bureau, truth)
	answered := first.Attempts[len(first.Attempts)-1]
	opened := c.opened(ctx, t, bureau)
	check := func(q catalog.Query) {
		t.Helper()
		a := q.Attempts[0]
		if q.Repeats != first.ID || len(q.Attempts) != 1 || !a.Reseals || a.Tiles != 0 || !slices.Equal(a.Active, answered.Active) {
			t.Errorf("the repeat %+v was not answered by %v", q, answered)
		}
		if q.Context != first.Context || q.Plan != first.Plan || q.Envelope == first.Envelope {
			t.Errorf("contexts %s and plan %s, the first query's are %s and %s", q.Context, q.Plan, first.Context, first.Plan)
		}
		if now := c.opened(ctx, t, bureau); now != opened {
			t.Errorf("%d tiles were opened, %d before", now, opened)
		}
	}
	check(askStations(ctx, t, bureau, truth))
	for _, m := range c.body.Nodes {
		c.close(m.ID)
	}
	for _, m := range c.body.Nodes {
		c.open(m.ID)
	}
	leads := func() *Node {
		for _, n := range c.nodes {
			if n.ledger.IsLeader() {
				return n
			}
		}
		return nil
	}
	c.await(ctx, "a leader that has heard of all nodes", func() bool { n := leads(); return n != nil && n.health.count() == 3 })
	check(askStations(ctx, t, bureau, truth))
}

// Where a member of the set that answered is gone, or lost its share, a repeat is
// opened anew, and answered all the same.
func TestRepeatIsOpenedAnewWhenAShareIsGone(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	truth := stationTruth(publishStations(ctx, t, bureau, "stations"))
	c.allHold(ctx, t)
	first := askStations(ctx, t, bureau, truth)
	active := first.Attempts[len(first.Attempts)-1].Active
	opened := c.opened(ctx, t, bureau)

	// Its file is gone: the attempt fails with the reason, and the next one opens.
	keeper := c.nodes[active[1]].shares
	keeper.mu.Lock()
	err := keeper.vault.Delete(secretShare(first.ID, keeper.kept[first.ID]))
	keeper.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	q := askStations(ctx, t, bureau, truth)
	if len(q.Attempts) != 2 || !q.Attempts[0].Reseals || q.Attempts[1].Reseals || q.Context == first.Context ||
		q.Attempts[0].Failed != fmt.Sprintf("%s: this node no longer has its share of query %s", active[1], first.ID) {
		t.Errorf("attempts %+v", q.Attempts)
	}
	if now := c.opened(ctx, t, bureau); now != opened+q.Attempts[1].Tiles {
		t.Errorf("%d tiles were opened, %d before", now, opened)
	}

	// The node is gone: nothing is tried without it.
	c.close(active[1])
	c.awaitGone(ctx, active[1])
	if q = askStations(ctx, t, c.client(bureau.Key()), truth); slices.ContainsFunc(q.Attempts, func(a catalog.Attempt) bool { return a.Reseals }) {
		t.Errorf("attempts %+v", q.Attempts)
	}
}

// What is kept is bounded in number, length and age, survives a restart, and is
// sealed in the vault.
func TestKeptSharesAreBoundedAndDurable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyFile := dir + "/key"
	if err := vault.NewKeyFile(keyFile); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(dir+"/vault", keyFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.UnixMilli(1_800_000_000_000)
	open := func() *shareKeeper {
		t.Helper()
		k, err := newShareKeeper(v, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		k.most = 3
		return k
	}
	k := open()
	share := func(i int) keptShare {
		return keptShare{attempt: i, plan: catalog.Sum([]byte{1, byte(i)}), contexts: catalog.Sum([]byte{2, byte(i)}), share: bytes.Repeat([]byte{byte(i)}, 20)}
	}
	has := func(want ...string) {
		t.Helper()
		for i := range 6 {
			id := fmt.Sprintf("q-%d", i)
			got, ok, err := k.get(id)
			if err != nil || ok != slices.Contains(want, id) {
				t.Errorf("%s is there: %t, %v; want %v", id, ok, err, want)
			}
			if ok && !cmp.Equal(got, share(i), cmp.AllowUnexported(keptShare{})) {
				t.Errorf("%s is %+v", id, got)
			}
		}
		names, err := v.List(sharePrefix)
		if err != nil || len(names) != len(k.kept) {
			t.Errorf("%d files for %d shares, %v", len(names), len(k.kept), err)
		}
	}
	for i := range 5 {
		now = now.Add(time.Minute)
		if err := k.keep(fmt.Sprintf("q-%d", i), share(i)); err != nil {
			t.Fatal(err)
		}
	}
	has("q-2", "q-3", "q-4")
	k = open()
	has("q-2", "q-3", "q-4")
	// A later attempt's share replaces the earlier one's.
	now = now.Add(time.Minute)
	other := share(3)
	other.share = []byte("of attempt 3")
	if err := errors.Join(k.keep("q-3", other), k.keep("q-3", share(3))); err != nil {
		t.Fatal(err)
	}
	has("q-2", "q-3", "q-4")
	long := share(5)
	long.share = make([]byte, maxShareBytes+1)
	if err := k.keep("q-5", long); err != nil {
		t.Fatal(err)
	}
	has("q-2", "q-3", "q-4")
	now = now.Add(shareAge + time.Second)
	has()
	if err := k.keep("q-0", share(0)); err != nil {
		t.Fatal(err)
	}
	has("q-0")
}
