package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/versions"
)

// A member that computes something else from the same ledger ends the attempt
// with an alarm in the ledger that names the two who disagree, and a set without
// it answers.
func TestMembersThatDisagreeRaiseAnAlarmAndAnotherSetAnswers(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n2" {
			// It adds one tile twice.
			o.plan = func(w versions.Sources, verdict catalog.Verdict) (*plan.Plan, error) {
				p, err := versions.PlanOf(w, verdict)
				if err == nil {
					a := &p.Accumulators[0]
					a.Tiles = append(a.Tiles, a.Tiles[0])
				}
				return p, err
			}
		}
	})
	bureau := c.publisher(ctx, "bureau")
	list := publishStations(ctx, t, bureau, "stations")
	truth := stationTruth(list)
	c.await(ctx, "all nodes to hold the version", func() bool { return len(c.version(t, "n1", "stations", 1).Acks) == 3 })
	for alarms, n := 0, 0; alarms == 0; n++ {
		r, err := ask.Query(ctx, bureau, stationsAnew(n), ask.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := r.Table.WriteCSV(&got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(truth, rowsOf(t, got.Bytes())); d != "" {
			t.Fatalf("(-plaintext +answer)\n%s", d)
		}
		for i, a := range r.Query.Attempts {
			last := i == len(r.Query.Attempts)-1
			if last == slices.Contains(a.Active, "n2") {
				t.Errorf("attempt %d of %v: %q", a.Number, a.Active, a.Failed.String())
			}
			if !last {
				alarms++
				if !strings.Contains(explain.Reason(a.Failed), failure.ErrDeviates.Error()) || !strings.Contains(explain.Reason(a.Failed), "n2") {
					t.Errorf("the alarm says %q", a.Failed.String())
				}
			}
		}
	}
}

// A leader that names another number of tiles than the plan has gets no share.
func TestAttemptWithTheWrongNumberOfTilesIsRefusedByItsMembers(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var c *cluster
	var lies atomic.Bool
	c = newCluster(t, 3, 2, func(o *Options) {
		id := o.ID
		o.plan = func(w versions.Sources, verdict catalog.Verdict) (*plan.Plan, error) {
			p, err := versions.PlanOf(w, verdict)
			if err == nil && lies.Load() && c.nodes[id].ledger.IsLeader() {
				p.Tiles--
			}
			return p, err
		}
	})
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	lies.Store(true)
	_, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
	if err == nil || !strings.Contains(err.Error(), "names 1 tiles, the plan opens 2") {
		t.Fatalf("got %v", err)
	}
}

// A query whose plan does not fit is refused with its numbers before it is
// proposed: nothing of it is in the ledger.
func TestQueryThatDoesNotFitIsRefusedBeforeItIsProposed(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, func(o *Options) {
		o.plan = func(w versions.Sources, verdict catalog.Verdict) (*plan.Plan, error) {
			p, err := versions.PlanOf(w, verdict)
			if err == nil && len(verdict.PeriodGroups) > 1 {
				return nil, fmt.Errorf("%w: more than %d slot maps", plan.ErrTooLarge, plan.MaxSlotMaps)
			}
			return p, err
		}
	})
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	_, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
	var problem *wire.Problem
	if !errors.As(err, &problem) || problem.Refusal() == nil || problem.Receipt != nil {
		t.Fatalf("got %v, want a refusal without a receipt", err)
	}
	if refusal := problem.Refusal(); refusal.Kind != catalog.RefusedPolicy || refusal.Rule != plan.RulePlan ||
		!slices.Contains(refusal.Numbers, catalog.Number{Name: "slot_maps", Value: fmt.Sprint(plan.MaxSlotMaps)}) || explain.Fix(refusal) == "" {
		t.Errorf("got %+v", refusal)
	}
	queries, err := client.Queries.All(ctx, bureau)
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) != 0 {
		t.Errorf("the ledger has it: %+v", queries)
	}
	if _, err := ask.Query(ctx, bureau, `SELECT SUM(pm25) FROM stations`, ask.Options{}); err != nil {
		t.Errorf("one that fits: %v", err)
	}
}

// A query that is in the ledger and breaks every node that plans it, be it by an
// error or by a panic, is ended with the reason and keeps no other query waiting.
func TestBrokenQueryKeepsNothingElseFromBeingDecided(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var broken atomic.Bool
	c := newCluster(t, 3, 2, func(o *Options) {
		o.plan = func(w versions.Sources, verdict catalog.Verdict) (*plan.Plan, error) {
			if broken.Load() && w.Dataset.ID == "panics" {
				panic("boom")
			}
			if broken.Load() && w.Dataset.ID == "fails" {
				return nil, errors.New("no plan for this")
			}
			return versions.PlanOf(w, verdict)
		}
	})
	bureau := c.publisher(ctx, "bureau")
	for _, name := range []string{"panics", "fails", "stations"} {
		publishStations(ctx, t, bureau, name)
	}
	broken.Store(true)
	ids := map[string]string{
		"the query cannot be planned: the work panicked": c.proposeQuery(ctx, t, bureau, `SELECT SUM(pm25) FROM panics`),
		": the query cannot be planned":                  c.proposeQuery(ctx, t, bureau, `SELECT SUM(pm25) FROM fails`),
	}
	if d := cmp.Diff(stationTruth(stationReadings()), queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	for reason, id := range ids {
		var q catalog.Query
		c.await(ctx, "the broken query to fail", func() bool {
			var err error
			if q, err = client.Get[catalog.Query](ctx, bureau, client.Call{Path: "/v1/queries/" + id, Token: true}); err != nil {
				t.Fatal(err)
			}
			return q.State == catalog.QueryFailed
		})
		if !strings.Contains(explain.Reason(q.Reason), reason) {
			t.Errorf("the reason is %q, want one with %q", explain.Reason(q.Reason), reason)
		}
	}
}

// proposeQuery puts a query into the ledger without asking whether it can be
// planned, as a node that deviates might, and returns its id.
func (c *cluster) proposeQuery(ctx context.Context, t *testing.T, cl *client.Client, sql string) string {
	t.Helper()
	compiled, err := ask.Compile(ctx, cl, sql)
	if err != nil {
		t.Fatal(err)
	}
	key := cl.Key()
	body, err := json.Marshal(catalog.QuerySubmit{Receiving: key.Public().Receiving, Request: compiled.Request})
	if err != nil {
		t.Fatal(err)
	}
	p := newPayload(c.genesis.Cluster().String(), catalog.KindQuerySubmit, time.Now().UnixMilli(), body)
	e, err := catalog.Sign(key.Signing(), key.ID(), p)
	if err != nil {
		t.Fatal(err)
	}
	n := c.nodes["n1"]
	var id string
	err = n.atLeader(ctx, func(ctx context.Context, leader string) error {
		r, err := c.nodes[leader].propose(ctx, e, nil)
		if err == nil && r.Outcome.Refusal != nil {
			err = r.Outcome.Refusal
		}
		id = r.Outcome.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Every message that the ledger does not ask of its sender is refused, and none
// of them stays in memory.
func TestMessagesThatNobodyAskedForAreRefused(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 4, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	// A query that n1 and n2 answered, both of which know that it is over.
	q, done := "", catalog.Query{}
	for n := 0; len(done.Attempts) != 1 || !slices.Equal(done.Attempts[0].Active, []string{"n1", "n2"}); n++ {
		q = c.proposeQuery(ctx, t, bureau, stationsAnew(n))
		c.await(ctx, "the query's end", func() bool {
			err := c.nodes["n2"].view(func(v state.View) (err error) {
				done, err = v.Query(q)
				return err
			})
			if err != nil && !errors.Is(err, records.ErrNotFound) {
				t.Fatal(err)
			}
			return done.State == catalog.QueryDone
		})
	}
	n1, n2 := c.nodes["n1"], c.nodes["n2"]
	send := func(query url.Values, size int, inVain bool) error {
		bound := patience
		if inVain {
			bound = 300 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		_, err := n1.peers.Do(ctx, "n2", http.MethodPut, pathMessage+"?"+query.Encode(), make([]byte, size))
		return err
	}
	params := func(session, kind, batch string) url.Values {
		return url.Values{"session": {session}, "kind": {kind}, "batch": {batch}}
	}
	for name, x := range map[string]struct {
		query url.Values
		size  int
		kind  string // of the answer; empty: it waits in vain
	}{
		"unknown kind":           {params("query/q-1/1", "figures", "0"), 1, peer.KindInvalid},
		"no kind":                {params("query/q-1/1", "", "0"), 1, peer.KindInvalid},
		"batch below the first":  {params("query/q-1/1", mpc.KindDigests, "-1"), 1, peer.KindInvalid},
		"batch beyond the last":  {params("query/q-1/1", mpc.KindDigests, fmt.Sprint(mpc.MaxBatches+1)), 1, peer.KindInvalid},
		"no number":              {params("query/q-1/1", mpc.KindDigests, "one"), 1, peer.KindInvalid},
		"larger than any":        {params("query/q-1/1", mpc.KindShares, "0"), mpc.MaxMessage + 1, peer.KindTooLarge},
		"unknown query":          {params("query/q-1/1", mpc.KindDigests, "0"), 32, ""},
		"query that is over":     {params(mpc.QuerySession(q, 1), mpc.KindDigests, "0"), 32, ""},
		"ceremony that is over":  {params("key/"+catalog.KeyID(bureau.Key().ID())+"/1/1", mpc.KindDealing, "0"), 32, ""},
		"test of a ready key":    {params("key/"+catalog.KeyID(bureau.Key().ID())+"/1/1/test/0", mpc.KindSlots, "0"), 32, ""},
		"version that is live":   {params(mpc.VersionSession("stations", 1, 1), mpc.KindDigests, "0"), 32, ""},
		"session of no form":     {params("", mpc.KindDigests, "0"), 32, ""},
		"session with a surplus": {params(mpc.QuerySession(q, 1)+"/1", mpc.KindDigests, "0"), 32, ""},
	} {
		err := send(x.query, x.size, x.kind == "")
		var remote *peer.RemoteError
		switch {
		case err == nil:
			t.Errorf("%s: accepted", name)
		case x.kind == "" && !errors.Is(err, context.DeadlineExceeded):
			t.Errorf("%s: %v", name, err)
		case x.kind != "" && (!errors.As(err, &remote) || remote.Kind != x.kind):
			t.Errorf("%s: %v, want %s", name, err, x.kind)
		}
	}
	c.await(ctx, "what was sent for real to be dropped", func() bool {
		return !slices.ContainsFunc(n2.ids(), func(id string) bool { return n2.mpc.Mailbox.Held(id) > 0 })
	})
}
