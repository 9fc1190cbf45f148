package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
)

// askStations has the ledger answer a query for the stations' figures, and checks them.
func askStations(ctx context.Context, t *testing.T, c *client.Client, truth [][]string) catalog.Query {
	t.Helper()
	r, err := ask.Query(ctx, c, fmt.Sprintf(stationsSQL, "stations"), ask.Options{Fresh: true})
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
	c, bureau, truth := withStations(ctx, t)
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
	c.await(ctx, "a leader that has heard of all nodes", func() bool { n := leads(); return n != nil && n.health.count(n.voters()) == 3 })
	check(askStations(ctx, t, bureau, truth))
}

// Whoever asks the same within a day is given the answer of before, at any node, also one that had no part in it: nothing is
// recorded, opened or charged. Asked afresh, and after the day, the ledger answers.
func TestRepeatIsAnsweredWithoutAnEntry(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor, func(o *Options) { o.Clock = now })
	const sql = "SELECT county, SUM(co2) FROM firms GROUP BY county"
	asked := func(c *client.Client, o ask.Options) *ask.Result {
		t.Helper()
		r, err := ask.Query(ctx, c, sql, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := asked(x.buyer, ask.Options{})
	entries := x.nodes["n1"].ledger.NextSeq()
	for _, n := range x.profile.Nodes {
		p := x.profile
		p.Addr = n.Addr
		c, err := client.New(p, x.buyer.Key(), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		again := asked(c, ask.Options{})
		if d := cmp.Diff(first.Table.Rows, again.Table.Rows); d != "" || !again.Again || again.Query.ID != first.Query.ID || again.Receipt != first.Receipt {
			t.Errorf("%s: query %s, receipt %+v, the first one's is %+v (-first +again)\n%s", n.ID, again.Query.ID, again.Receipt, first.Receipt, d)
		}
	}
	if now := x.nodes["n1"].ledger.NextSeq(); now != entries {
		t.Errorf("%d entries, %d before", now, entries)
	}
	// Sealed to another key of the same buyer's, it would not open.
	other := first.Query.Submit
	other.Receiving = newKey(t, "other").Public().Receiving
	e, err := x.buyer.Sign(catalog.KindQuerySubmit, other)
	if err != nil {
		t.Fatal(err)
	}
	done, err := x.buyer.SendPreferring(ctx, catalog.KindQuerySubmit, e, wire.PreferRepeat)
	if err != nil || done.Repeats != "" || done.Outcome.ID == "" {
		t.Errorf("to another key: %+v, %v", done, err)
	}
	// Sent once more, a query that was recorded is not one that repeats itself.
	same := first.Query.Submit
	same.Request.AsOf, same.Request.Partial = 1, true
	if e, err = x.buyer.Sign(catalog.KindQuerySubmit, same); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		done, err := x.buyer.SendPreferring(ctx, catalog.KindQuerySubmit, e, wire.PreferRepeat)
		if err != nil || done.Repeats != "" || done.Outcome.ID != catalog.QueryID(e.Digest()) {
			t.Errorf("sent once more: %+v, %v", done, err)
		}
		x.await(ctx, "the query's answer", func() bool {
			q, err := client.Get[catalog.Query](ctx, x.buyer, client.Call{Path: "/v1/queries/" + catalog.QueryID(e.Digest()), Token: true})
			return err == nil && q.State == catalog.QueryDone
		})
	}
	if r := asked(x.buyer, ask.Options{Fresh: true}); r.Again || r.Query.Repeats != first.Query.ID {
		t.Errorf("asked afresh: %+v", r.Query)
	}
	later.Store(int64(25 * time.Hour))
	tomorrow := x.clientWith(x.buyer.Key(), client.Options{Now: now})
	if r := asked(tomorrow, ask.Options{}); r.Again || r.Query.Repeats != first.Query.ID {
		t.Errorf("after a day: again %t, %+v", r.Again, r.Query)
	}
}

// The answer comes with the name of the query that is repeated, in one round, and only to the owner's token: an envelope that was
// seen on its way gets the name and no share.
func TestARepeatComesWithItsAnswer(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor, nil)
	const sql = "SELECT county, SUM(co2) FROM firms GROUP BY county"
	first, err := ask.Query(ctx, x.buyer, sql, ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := client.Get[wire.Query](ctx, x.buyer, client.Call{Path: "/v1/queries/" + first.Query.ID, Token: true, Prefer: wire.PreferAnswer})
	if err != nil || own.Answer == nil {
		t.Fatalf("the query as its owner is shown it: %+v, %v", own, err)
	}
	for _, s := range []struct {
		who    string
		by     *client.Client
		token  bool
		prefer string
		with   bool
	}{
		{"its owner", x.buyer, true, wire.PreferRepeat + ", " + wire.PreferAnswer, true},
		{"its owner, who prefers its name", x.buyer, true, wire.PreferRepeat, false},
		{"nobody", x.buyer, false, wire.PreferRepeat + ", " + wire.PreferAnswer, false},
		{"another principal", x.bureau, true, wire.PreferRepeat + ", " + wire.PreferAnswer, false},
	} {
		e, err := x.buyer.Sign(catalog.KindQuerySubmit, first.Query.Submit)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		done, err := client.Get[wire.Submitted](ctx, s.by, client.Call{
			Method: http.MethodPost, Path: "/v1/envelopes", Body: raw, Token: s.token, Prefer: s.prefer,
		})
		if err != nil || done.Repeats != first.Query.ID {
			t.Fatalf("%s: repeats %q, %v", s.who, done.Repeats, err)
		}
		if got := done.Repeated != nil; got != s.with {
			t.Errorf("%s: the answer came: %t", s.who, got)
		}
		if q := done.Repeated; q != nil && (q.ID != own.ID || q.Answer == nil || !cmp.Equal(q.Answer.Shares, own.Answer.Shares) || !bytes.Equal(q.Answer.Verdict, own.Answer.Verdict)) {
			t.Errorf("%s: %+v came, the query is %+v", s.who, q, own)
		}
	}
}

// Where a member of the set that answered is gone, or lost its share, a repeat is
// opened anew, and answered all the same.
func TestRepeatIsOpenedAnewWhenAShareIsGone(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	first := askStations(ctx, t, bureau, truth)
	active := first.Attempts[len(first.Attempts)-1].Active
	opened := c.opened(ctx, t, bureau)

	// Its file is gone: the attempt fails with the reason, and the next one opens.
	secrets := c.nodes[active[1]].vault
	names, err := secrets.List("answered/" + first.ID + "/")
	if err != nil || len(names) != 1 {
		t.Fatalf("kept are %q, %v", names, err)
	}
	if err := secrets.Delete(names[0]); err != nil {
		t.Fatal(err)
	}
	q := askStations(ctx, t, bureau, truth)
	if len(q.Attempts) != 2 || !q.Attempts[0].Reseals || q.Attempts[1].Reseals || q.Context == first.Context ||
		explain.Reason(q.Attempts[0].Failed) != fmt.Sprintf("%s: this node no longer has its share of query %s", active[1], first.ID) {
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
