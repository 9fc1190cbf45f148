package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
)

// Where a majority is up and the threshold is not, a query is accepted and cannot
// be opened. Whoever asked hears of it after the time that an attempt may take, with
// the nodes that are missing, and may ask again when they are back.
func TestQueryWithoutEnoughNodesEndsInBoundedTime(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var short atomic.Bool
	c := newCluster(t, 3, 3, func(o *Options) { o.attempt = shortWhen(&short) })
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	const sql = "SELECT county, SUM(pm25) FROM stations GROUP BY county"
	want := queryRows(ctx, t, bureau, sql)
	c.await(ctx, "n3 to hold the version", func() bool { return len(c.version(t, "n1", "stations", 1).Acks) == 3 })
	c.close("n3")
	c.awaitGone(ctx, "n3")
	short.Store(true)
	again := strings.Replace(sql, " GROUP", " WHERE county > '!' GROUP", 1) // repeats none
	_, err := ask.Query(ctx, bureau, again, ask.Options{})
	if !errors.Is(err, ask.ErrQueryFailed) || !strings.Contains(err.Error(), "n3 (does not answer)") || !strings.Contains(err.Error(), "3 are needed") {
		t.Fatalf("got %v, want a failed query and n3 named", err)
	}
	short.Store(false)
	c.open("n3")
	if got := queryRows(ctx, t, bureau, strings.Replace(again, "none", "no one", 1)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// shortWhen is for how long an attempt may go on: a second while short says so.
func shortWhen(short *atomic.Bool) func() time.Duration {
	return func() time.Duration {
		if short.Load() {
			return time.Second
		}
		return DefaultAttemptTimeout
	}
}

// A registration whose sealed shares nobody has is rejected, and its owner told,
// though all nodes are up.
func TestRegistrationWhoseSharesNeverComeIsRejected(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var short atomic.Bool
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor, func(o *Options) { o.attempt = shortWhen(&short) })
	short.Store(true)
	plan := x.vector("mine", 1, selected(func(f int) bool { return f < 20 }))
	body := catalog.VectorRegister{
		Name: plan.Name, Version: 1, Registry: plan.Registry.ID, Entities: plan.Registry.Rows, Rows: plan.Registry.Digest,
		Bits: 1, Pieces: 1, Modulus: x.nodes["n1"].products.T(),
	}
	for i := range 3 {
		body.Shares = append(body.Shares, catalog.Sum(fmt.Appendf(nil, "never uploaded %d", i)))
	}
	done, err := x.buyer.Submit(ctx, catalog.KindVectorRegister, body)
	if err != nil {
		t.Fatal(err)
	}
	var v catalog.Vector
	x.await(ctx, "the registration to be over", func() bool {
		all, err := vector.All(ctx, x.buyer)
		if err != nil || len(all) != 1 || all[0].ID != done.Outcome.ID {
			t.Fatalf("%d vectors, %v", len(all), err)
		}
		v = all[0]
		return v.Over()
	})
	if v.State != catalog.VectorRejected || !strings.Contains(explain.Reason(v.Reason), "n1, n2, n3 have not got their sealed shares") {
		t.Errorf("the vector is %s: %s", v.State, explain.Reason(v.Reason))
	}
	short.Store(false)
	x.register(ctx, t, x.vector("mine", 1, selected(func(f int) bool { return f < 20 }))) // the next version of the name
}

// A leader whose disk is nearly full hands the lead on and says why it is not
// ready; the others go on. One whose disk is as good as full stops, and clients ask
// the others.
func TestNodeWithoutRoomLeavesTheWorkToOthers(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var least uint64
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n1" {
			o.MinFreeBytes = least
		}
	})
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	free := c.nodes["n1"].ledger.Status().FreeBytes
	c.close("n1")
	least = 4 * free // a follower goes on until an eighth of it is left
	full := c.open("n1")
	c.await(ctx, "n1 to find a leader", func() bool { _, known := full.ledger.Leader(); return known })
	ok, reasons := full.standing.Ready()
	if why := strings.Join(reasons, " "); ok || !strings.Contains(why, "disk almost full") || strings.Contains(why, "founded") {
		t.Errorf("n1 says that it is ready: %t, %v", ok, reasons)
	}
	for i := range 2 {
		leader, _ := c.nodes["n2"].ledger.Leader()
		if n := c.nodes[leader]; n != nil && n != full {
			if err := n.ledger.TransferLeadership(ctx, "n1"); err != nil {
				t.Logf("transfer to n1: %v", err)
			}
		}
		c.admit(ctx, newKey(t, fmt.Sprintf("buyer %d", i)), catalog.RoleBuyer)
	}
	var err error
	c.await(ctx, "a full leader to be told as such", func() bool { // or of no leader, in an election
		brief, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		err = full.atLeader(brief, func(context.Context, string) error { return fmt.Errorf("%w: for ever", consensus.ErrDiskFull) })
		return !errors.Is(err, api.ErrNoQuorum)
	})
	if err == nil || strings.Contains(err.Error(), "majority") || !strings.Contains(err.Error(), "disk almost full") {
		t.Errorf("where every leader is full: %v", err)
	}

	c.close("n1")
	least = 100 * free
	full, err = c.tryOpen("n1")                         // which may have to apply an entry before it is open
	c.admit(ctx, newKey(t, "after"), catalog.RoleBuyer) // n1 is asked first
	if err == nil {
		c.await(ctx, "n1 to stop", func() bool { return full.standing.Live() != nil })
		err = full.standing.Live()
	}
	if !strings.Contains(err.Error(), "disk almost full") {
		t.Errorf("n1 stopped: %v", err)
	}
	c.admit(ctx, newKey(t, "later"), catalog.RoleBuyer)
}
