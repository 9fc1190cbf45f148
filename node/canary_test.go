package node

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/vault"
)

func (c *cluster) canaryAt(node, key string) (x resharing.Canary) {
	c.t.Helper()
	if err := c.nodes[node].view(func(v state.View) (err error) { x, err = v.Keys().Canary(key); return err }); err != nil {
		c.t.Fatal(err)
	}
	return x
}

// canary has the shares of a key tried, and waits for the result.
func (c *cluster) canary(ctx context.Context, key string) resharing.Canary {
	c.t.Helper()
	number := c.canaryAt("n1", key).Number + 1
	if err := c.nodes["n1"].act(ctx, catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: number}); err != nil {
		c.t.Fatal(err)
	}
	c.await(ctx, "the canary", func() bool {
		for id := range c.nodes {
			if x := c.canaryAt(id, key); x.Number != number || x.Ended == 0 {
				return false
			}
		}
		return true
	})
	return c.canaryAt("n1", key)
}

// A member whose share is off the polynomial, and one that has none after the key was shared
// anew, is named by the canary, is left out, and fits again with its next share.
func TestACanaryNamesAMemberWhoseShareIsWrong(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	c := newCluster(t, 3, 2, func(o *Options) { o.Clock = now })
	c.now = now
	bureau := c.publisher(ctx, "bureau")
	truth := stationTruth(publishStations(ctx, t, bureau, "stations"))
	c.allHold(ctx, t)
	key, err := bureau.PublisherKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	canary := func() resharing.Canary {
		t.Helper()
		later.Add(int64(resharing.CanaryAgain * time.Millisecond)) // no sooner
		c.await(ctx, "the clocks to be compared", func() bool {
			for _, n := range c.nodes {
				if n.monitor.clockFault() != nil {
					return false
				}
			}
			return true
		})
		return c.canary(ctx, key.ID)
	}
	if x := canary(); len(x.Unfit) != 0 || !x.Reason.IsZero() || x.Sets[2] != resharing.SetUnknown {
		t.Fatalf("sound shares: %+v", x)
	}
	c.close("n2")
	c.spoilShare("n2", key.Made())
	c.open("n2")
	c.await(ctx, "n2 to be seen", func() bool { return c.nodes["n1"].health.isAlive("n2") && c.nodes["n3"].health.isAlive("n2") })
	if x := canary(); !slices.Equal(x.Unfit, []string{"n2"}) {
		t.Fatalf("n2 is off the polynomial: %+v", x)
	}
	c.leftOut(ctx, "n2", "does not fit those of the others")
	c.forgetAnswers()
	askStations(ctx, t, bureau, truth)
	c.refresh(ctx, key, 2)
	c.await(ctx, "n2 to be ready", func() bool { ok, _ := c.awaitReady(ctx, "n2"); return ok })
	if x := canary(); len(x.Unfit) != 0 || !x.Reason.IsZero() {
		t.Errorf("after the refresh: %+v", x)
	}

	c.close("n3")
	inForce := c.keyAt("n1", key.ID).InForce()
	v, err := vault.Open(filepath.Join(c.nodeDir("n3"), founding.DirSecrets), c.sealKey("n3"))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Delete(mpc.SharingSession(inForce)); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	c.open("n3")
	c.await(ctx, "n3 to be seen", func() bool { return c.nodes["n1"].health.isAlive("n3") && c.nodes["n2"].health.isAlive("n3") })
	if x := canary(); !slices.Equal(x.Unfit, []string{"n3"}) {
		t.Fatalf("n3 has no share: %+v", x)
	}
	c.leftOut(ctx, "n3", "no usable share")
}

// leftOut waits until a node says why it is in no active set, and the others have heard.
func (c *cluster) leftOut(ctx context.Context, id, why string) {
	c.t.Helper()
	c.await(ctx, id+" to be left out", func() bool {
		ready, reasons := c.nodes[id].standing.Ready()
		if ready || !strings.Contains(strings.Join(reasons, "\n"), why) {
			return false
		}
		for other, n := range c.nodes {
			if other != id && n.health.isFit(id) {
				return false
			}
		}
		return true
	})
	list, err := nodestatus.All(ctx, c.client(c.operator))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, n := range list {
		shares := n.Status.Shares
		if len(shares.Keys) != 1 || !slices.Equal(shares.Keys[0].Unfit, []string{id}) || shares.Keys[0].Tried == 0 {
			c.t.Errorf("%s tells of the shares of keys %+v", n.Node, shares.Keys)
		}
	}
}

// By the nodes' clocks, shares are tried once a day, and are made anew when they are as old as an
// operator says.
func TestSharesAreTriedAndMadeAnewInTime(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor, func(o *Options) { o.Clock = now })
	key, err := x.bureau.PublisherKey(ctx, x.bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	v := x.register(ctx, t, x.vector("mine", 1, selected(func(f int) bool { return f < 20 })))
	later.Store(int64(25 * time.Hour))
	x.await(ctx, "the canary of the day", func() bool { c := x.canaryAt("n1", key.ID); return c.Number == 1 && c.Ended != 0 })
	if c := x.canaryAt("n1", key.ID); len(c.Unfit) != 0 || !c.Reason.IsZero() {
		t.Errorf("canary %+v", c)
	}
	if k := x.keyAt("n1", key.ID); k.Refresh != nil || k.InForce().Epoch != 1 {
		t.Errorf("without a schedule the key is refreshed: %+v", k.Refresh)
	}
	operator := x.clientWith(x.operator, client.Options{Now: now})
	if err := govern.RefreshEvery(ctx, operator, 20*time.Hour); err != nil {
		t.Fatal(err)
	}
	moves := map[string]uint64{v.ID: 0}
	later.Store(int64(26 * time.Hour)) // the leader looks once a minute
	x.awaitRefreshed(ctx, key.ID, 2)
	x.awaitMoved(ctx, moves)
	list, err := nodestatus.All(ctx, operator)
	if err != nil {
		t.Fatal(err)
	}
	s := list[0].Status.Shares
	if s.Every != (20*time.Hour).Milliseconds() || s.Vectors.Oldest < now().Add(-time.Hour).UnixMilli() || s.Keys[0].Since < now().Add(-time.Hour).UnixMilli() || s.Keys[0].Due != s.Keys[0].Since+s.Every {
		t.Errorf("the status tells %+v", s)
	}
	later.Store(int64(47 * time.Hour))
	x.awaitRefreshed(ctx, key.ID, 3)
}
