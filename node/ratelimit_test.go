package node

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
)

// Whatever is sent when, what is recorded of one principal in any time is at most a burst
// and what comes back in that time; and whoever is told to wait gets through after it.
func TestActsAreBoundedOverEveryTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(refusedUnits, 200).Draw(t, "burst")
		a := newRateLimiter(burst)
		start := time.Unix(1_700_000_000, 0)
		now := start
		var spent int64
		for range rapid.IntRange(1, 300).Draw(t, "acts") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*actEvery)).Draw(t, "pause")))
			e := catalog.Envelope{Signer: "p-1", Payload: make([]byte, rapid.IntRange(0, 3*actBytes).Draw(t, "bytes"))}
			err := a.take(e, now)
			if busy := (*api.BusyError)(nil); errors.As(err, &busy) {
				if busy.Wait <= 0 {
					t.Fatalf("told to wait for %s", busy.Wait)
				}
				now = now.Add(busy.Wait)
				err = a.take(e, now)
			}
			if err != nil {
				t.Fatalf("after the wait: %v", err)
			}
			spent += unitsOf(e)
			if rapid.Bool().Draw(t, "refused") {
				a.refused(e, now)
				spent += refusedUnits - 1
			}
			// One act that turns out refused may go over.
			if most := int64(burst) + refusedUnits + int64(now.Sub(start)/actEvery); spent > most {
				t.Fatalf("%d units in %s, at most %d may be", spent, now.Sub(start), most)
			}
		}
		if u := a.usedAt("p-1", now.Add(time.Duration(burst+refusedUnits)*actEvery)); u.units != 0 || len(a.used) != 0 {
			t.Fatalf("%d units have not come back in time", u.units)
		}
	})
}

func TestNodesAndOthersDoNotPayForAnAct(t *testing.T) {
	a, now := newRateLimiter(refusedUnits), time.Unix(1_700_000_000, 0)
	for range 100 {
		e := catalog.Envelope{Signer: catalog.NodeSigner("n1")}
		if err := a.take(e, now); err != nil {
			t.Fatal(err)
		}
		a.refused(e, now)
	}
	mine := catalog.Envelope{Signer: "p-1"}
	if err := a.take(mine, now); err != nil {
		t.Fatal(err)
	}
	a.refused(mine, now)
	if err := a.take(mine, now); err == nil {
		t.Error("a second refused act within a burst of one")
	}
	if err := a.take(catalog.Envelope{Signer: "p-2"}, now); err != nil {
		t.Errorf("another pays: %v", err)
	}
	// A clock that was set back gives nothing and takes nothing for ever.
	if err := a.take(mine, now.Add(-time.Hour)); err == nil {
		t.Error("a clock that was set back gives units")
	}
	if err := a.take(mine, now.Add(-time.Hour+refusedUnits*actEvery)); err != nil {
		t.Errorf("after a clock was set back nothing comes back: %v", err)
	}
}

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
		o.ActBurst, o.Clock = allowed*refusedUnits, clock
		o.Heartbeat = 5 * time.Second // each leader counts anew: a machine that stands still is to keep its own
	})
	bank := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	insurer := c.admit(ctx, newKey(t, "insurer"), catalog.RoleBuyer)
	n1 := c.nodes["n1"]
	order := func(cl *client.Client, forge bool) error {
		p := newPayload(n1.cluster.String(), catalog.KindOrderCreate, clock().UnixMilli(), []byte(`{"dataset":"nothing","purpose":"to be refused"}`))
		e, err := catalog.Sign(cl.Key().Signing(), cl.Key().ID(), p)
		if err != nil {
			t.Fatal(err)
		}
		if forge {
			e.Signature[0] ^= 1
		}
		r, err := n1.Submit(ctx, e)
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
