package node

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/ratelimit"
)

// Acts that are refused cost their signer nothing and every node an entry for ever. A
// principal that goes on is told to wait, before anything is recorded; nobody else is, and
// nobody can use up another's acts.
func TestRefusedActsGrowTheLedgerOnlySoFar(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	const allowed = 3
	var stopped atomic.Pointer[time.Time] // all clocks, so that no act comes back
	clock := func() time.Time {
		if at := stopped.Load(); at != nil {
			return *at
		}
		return time.Now()
	}
	c := newCluster(t, 3, 2, func(o *Options) {
		o.ActBurst, o.Clock = allowed*ratelimit.RefusedUnits, clock
		o.Heartbeat = 5 * time.Second // each leader counts anew: a machine that stands still is to keep its own
	})
	bank := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	insurer := c.admit(ctx, newKey(t, "insurer"), catalog.RoleBuyer)
	n1 := c.nodes["n1"]
	for _, of := range []*client.Client{bank, insurer} { // which one that lags leaves to the leader to judge
		c.await(ctx, "n1 knows "+of.Key().ID(), func() bool {
			return n1.view(func(v state.View) error { _, err := v.Principal(of.Key().ID()); return err }) == nil
		})
	}
	order := func(cl *client.Client, forge bool) error {
		p := newPayload(n1.cluster.String(), catalog.KindOrderCreate, clock().UnixMilli(), []byte(`{"dataset":"nothing","purpose":"to be refused"}`))
		e, err := catalog.Sign(cl.Key().Signing(), cl.Key().ID(), p)
		if err != nil {
			t.Fatal(err)
		}
		if forge {
			e.Signature[0] ^= 1
		}
		r, err := n1.Submit(ctx, e, false)
		if err == nil && r.Outcome.Refusal == nil {
			t.Fatal("an order on nothing was accepted")
		}
		return err
	}
	now := time.Now()
	stopped.Store(&now)
	before := n1.ledger.NextSeq()
	for range 3 * allowed {
		var refusal *catalog.Refusal
		if err := order(bank, true); !errors.As(err, &refusal) {
			t.Fatalf("a forged act: %v", err)
		}
	}
	recorded, busy := 0, (*api.BusyError)(nil)
	for range 10 * allowed {
		if err := order(bank, false); err == nil {
			recorded++
		} else if !errors.As(err, &busy) {
			t.Fatal(err)
		}
	}
	if busy == nil || busy.Wait <= 0 || !strings.Contains(busy.Message, "recorded") {
		t.Errorf("told %+v", busy)
	}
	grown := n1.ledger.NextSeq() - before
	if recorded < allowed || recorded > 2*allowed || grown > uint64(recorded)+2 { //nolint:gosec // a few
		t.Errorf("%d acts were recorded in %d entries, %d are allowed", recorded, grown, allowed)
	}
	if err := order(insurer, false); err != nil {
		t.Errorf("another principal: %v", err)
	}
}
