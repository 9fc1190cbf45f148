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
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/fit"
	"github.com/weirdata/weir/node/peer"
)

// A member that computes something else from the same ledger ends the attempt
// with an alarm in the ledger that names the two who disagree, and a set without
// it answers.
func TestMembersThatDisagreeRaiseAnAlarmAndAnotherSetAnswers(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n2" {
			// It adds one tile twice.
			o.plan = func(w work, verdict catalog.Verdict) (*query.Plan, error) {
				p, err := planOf(w, verdict)
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
		r, err := bureau.Query(ctx, stationsAnew(n), client.QueryOptions{})
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
				t.Errorf("attempt %d of %v: %q", a.Number, a.Active, a.Failed)
			}
			if !last {
				alarms++
				if !strings.Contains(a.Failed, errDeviates.Error()) || !strings.Contains(a.Failed, "n2") {
					t.Errorf("the alarm says %q", a.Failed)
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
		o.plan = func(w work, verdict catalog.Verdict) (*query.Plan, error) {
			p, err := planOf(w, verdict)
			if err == nil && lies.Load() && c.nodes[id].ledger.IsLeader() {
				p.Tiles--
			}
			return p, err
		}
	})
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	lies.Store(true)
	_, err := bureau.Query(ctx, fmt.Sprintf(stationsSQL, "stations"), client.QueryOptions{})
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
		o.plan = func(w work, verdict catalog.Verdict) (*query.Plan, error) {
			p, err := planOf(w, verdict)
			if err == nil && len(verdict.PeriodGroups) > 1 {
				return nil, fmt.Errorf("%w: more than %d slot maps", query.ErrPlanTooLarge, query.MaxSlotMaps)
			}
			return p, err
		}
	})
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	_, err := bureau.Query(ctx, fmt.Sprintf(stationsSQL, "stations"), client.QueryOptions{})
	var problem *wire.Problem
	if !errors.As(err, &problem) || problem.Refusal() == nil || problem.Receipt != nil {
		t.Fatalf("got %v, want a refusal without a receipt", err)
	}
	if refusal := problem.Refusal(); refusal.Kind != catalog.RefusedPolicy || refusal.Rule != fit.RulePlan ||
		!slices.Contains(refusal.Numbers, catalog.Number{Name: "slot_maps", Value: fmt.Sprint(query.MaxSlotMaps)}) || refusal.Fix == "" {
		t.Errorf("got %+v", refusal)
	}
	queries, err := bureau.Queries(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) != 0 {
		t.Errorf("the ledger has it: %+v", queries)
	}
	if _, err := bureau.Query(ctx, `SELECT SUM(pm25) FROM stations`, client.QueryOptions{}); err != nil {
		t.Errorf("one that fits: %v", err)
	}
}

// A query that is in the ledger and breaks every node that plans it, be it by an
// error or by a panic, is ended with the reason and keeps no other query waiting.
func TestBrokenQueryKeepsNothingElseFromBeingDecided(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var broken atomic.Bool
	c := newCluster(t, 3, 2, func(o *Options) {
		o.plan = func(w work, verdict catalog.Verdict) (*query.Plan, error) {
			if broken.Load() && w.dataset.ID == "panics" {
				panic("boom")
			}
			if broken.Load() && w.dataset.ID == "fails" {
				return nil, errors.New("no plan for this")
			}
			return planOf(w, verdict)
		}
	})
	bureau := c.publisher(ctx, "bureau")
	for _, name := range []string{"panics", "fails", "stations"} {
		publishStations(ctx, t, bureau, name)
	}
	broken.Store(true)
	ids := map[string]string{
		"boom":             c.proposeQuery(ctx, t, bureau, `SELECT SUM(pm25) FROM panics`),
		"no plan for this": c.proposeQuery(ctx, t, bureau, `SELECT SUM(pm25) FROM fails`),
	}
	if d := cmp.Diff(stationTruth(stationReadings()), queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	for reason, id := range ids {
		var q catalog.Query
		c.await(ctx, "the broken query to fail", func() bool {
			var err error
			if q, err = bureau.QueryRecord(ctx, id); err != nil {
				t.Fatal(err)
			}
			return q.State == catalog.QueryFailed
		})
		if !strings.Contains(q.Reason, reason) {
			t.Errorf("the reason is %q, want one with %q", q.Reason, reason)
		}
	}
}

// proposeQuery puts a query into the ledger without asking whether it can be
// planned, as a node that deviates might, and returns its id.
func (c *cluster) proposeQuery(ctx context.Context, t *testing.T, cl *client.Client, sql string) string {
	t.Helper()
	compiled, err := cl.Compile(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	key := cl.Key()
	body, err := json.Marshal(catalog.QuerySubmit{Receiving: key.Public().Receiving, Request: compiled.Request})
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPayload(c.genesis.Cluster().String(), catalog.KindQuerySubmit, time.Now().UnixMilli(), body)
	if err != nil {
		t.Fatal(err)
	}
	e, err := catalog.Sign(key.Signing(), key.ID(), p)
	if err != nil {
		t.Fatal(err)
	}
	n := c.nodes["n1"]
	var id string
	err = n.atLeader(ctx, func(ctx context.Context, leader string) error {
		r, err := c.nodes[leader].propose(ctx, e)
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

// Every parcel that the ledger does not ask of its sender is refused, and none
// of them stays in memory.
func TestParcelsThatNobodyAskedForAreRefused(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 4, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	// A query that n1 and n2 answered, both of which know that it is over.
	q, done := "", catalog.Query{}
	for day := 1; len(done.Attempts) != 1 || !slices.Equal(done.Attempts[0].Active, []string{"n1", "n2"}); day++ {
		q = c.proposeQuery(ctx, t, bureau, fmt.Sprintf(`SELECT SUM(pm25) FROM stations WHERE period >= '2024-%02d-%02d'`, 1+day/28, 1+day%28))
		c.await(ctx, "the query's end", func() bool {
			err := c.nodes["n2"].view(func(v catalog.View) (err error) {
				done, err = v.Query(q)
				return err
			})
			if err != nil && !errors.Is(err, catalog.ErrNotFound) {
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
		_, err := n1.peers.Do(ctx, "n2", http.MethodPut, pathParcel+"?"+query.Encode(), make([]byte, size))
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
		"batch below the first":  {params("query/q-1/1", parcelDigests, "-1"), 1, peer.KindInvalid},
		"batch beyond the last":  {params("query/q-1/1", parcelDigests, fmt.Sprint(maxBatches+1)), 1, peer.KindInvalid},
		"no number":              {params("query/q-1/1", parcelDigests, "one"), 1, peer.KindInvalid},
		"larger than any":        {params("query/q-1/1", parcelShares, "0"), maxParcel + 1, peer.KindTooLarge},
		"unknown query":          {params("query/q-1/1", parcelDigests, "0"), 32, ""},
		"query that is over":     {params(querySession(q, 1), parcelDigests, "0"), 32, ""},
		"ceremony that is over":  {params("key/"+catalog.KeyID(bureau.Key().ID())+"/1/1", parcelDealing, "0"), 32, ""},
		"test of a ready key":    {params("key/"+catalog.KeyID(bureau.Key().ID())+"/1/1/test/0", parcelSlots, "0"), 32, ""},
		"version that is live":   {params(versionSession("stations", 1, 1), parcelDigests, "0"), 32, ""},
		"session of no form":     {params("", parcelDigests, "0"), 32, ""},
		"session with a surplus": {params(querySession(q, 1)+"/1", parcelDigests, "0"), 32, ""},
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
		n2.exchange.mu.Lock()
		defer n2.exchange.mu.Unlock()
		return n2.exchange.size == 0 && len(n2.exchange.held) == 0
	})
}

// Within a session that is under way only what its rules let a sender send is
// asked for.
func TestOnlyWhatTheRulesOfAnAttemptLetASenderSendIsAskedFor(t *testing.T) {
	t.Parallel()
	active, root := []string{"n1", "n3", "n4"}, "n3"
	for _, x := range []struct {
		from, kind, to string
		want           bool
	}{
		{"n1", parcelDigests, "n3", true},
		{"n3", parcelDigests, "n1", true},
		{"n1", parcelDigests, "n4", true},
		{"n1", parcelShares, "n3", true},
		{"n3", parcelShares, "n1", false}, // from the root
		{"n1", parcelShares, "n4", false}, // to a third party
		{"n2", parcelDigests, "n3", false},
		{"n2", parcelShares, "n3", false},
		{"n1", parcelDigests, "n2", false},
		{"n3", parcelDigests, "n3", false},
		{"n1", parcelSlots, "n3", false},
		{"n1", parcelDealing, "n3", false},
	} {
		if got := owed(parcel{kind: x.kind, from: x.from}, x.to, active, root); got != x.want {
			t.Errorf("%s of %s to %s: %t", x.kind, x.from, x.to, got)
		}
	}

	k := catalog.Key{ID: "k-1", Epoch: 1, Attempt: 2, Threshold: 2, Nodes: []string{"n1", "n2", "n3"}}
	sets := catalog.TestSets(3, 2) // {1,2}, {1,3} or the like: the first member is the root
	set := sets[len(sets)-1]
	id := func(point int) string { return k.Nodes[point-1] }
	outside := 6 - set[0] - set[1]
	test := testSession(k, len(sets)-1)
	for _, x := range []struct {
		state         catalog.KeyState
		session, kind string
		from, to      int
		batch         int
		want          bool
	}{
		{catalog.KeyDealing, ceremonySession(k), parcelDealing, 1, 2, 0, true},
		{catalog.KeyDealing, ceremonySession(k), parcelDealing, 1, 2, 1, false},
		{catalog.KeyDealing, ceremonySession(k), parcelDigests, 1, 2, 0, false},
		{catalog.KeyDealing, ceremonySession(k), parcelDealing, 2, 2, 0, false},
		{catalog.KeyCommitting, ceremonySession(k), parcelDealing, 1, 2, 0, false},
		{catalog.KeyReady, ceremonySession(k), parcelDealing, 1, 2, 0, false},
		{catalog.KeyDealing, "key/k-1/1/1", parcelDealing, 1, 2, 0, false}, // the attempt before
		{catalog.KeyTesting, test, parcelDigests, set[1], set[0], 0, true},
		{catalog.KeyTesting, test, parcelDigests, set[0], set[1], 0, true},
		{catalog.KeyTesting, test, parcelShares, set[1], set[0], 0, true},
		{catalog.KeyTesting, test, parcelSlots, set[1], set[0], 0, true},
		{catalog.KeyTesting, test, parcelShares, set[0], set[1], 0, false},
		{catalog.KeyTesting, test, parcelSlots, set[0], set[1], 0, false},
		{catalog.KeyTesting, test, parcelDealing, set[1], set[0], 0, false},
		{catalog.KeyTesting, test, parcelDigests, outside, set[0], 0, false},
		{catalog.KeyTesting, test, parcelDigests, set[1], outside, 0, false},
		{catalog.KeyTesting, test, parcelDigests, set[1], set[0], 1, false},
		{catalog.KeyTesting, testSession(k, len(sets)), parcelDigests, set[1], set[0], 0, false},
		{catalog.KeyTesting, test + "x", parcelDigests, set[1], set[0], 0, false},
		{catalog.KeySigning, test, parcelDigests, set[1], set[0], 0, false},
	} {
		k.State = x.state
		p := parcel{session: x.session, kind: x.kind, batch: x.batch, from: id(x.from)}
		if got := owedInCeremony(p, x.to, k); got != x.want {
			t.Errorf("%s: %+v to %d: %t", x.state, p, x.to, got)
		}
	}
	if owedInCeremony(parcel{session: ceremonySession(k), kind: parcelDealing, from: "stranger"}, 1, k) {
		t.Error("from a stranger")
	}
}
