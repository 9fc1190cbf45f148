package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/failure"
)

// bare is a node with a roster and opinions, without ledger and connections.
func bare(t testing.TB, n, threshold int) *Node {
	t.Helper()
	params, err := he.NewParameters(he.DataParameters(n, threshold))
	if err != nil {
		t.Fatal(err)
	}
	x := newNode(&core{id: "n1", run: "r1", params: params, health: newHealth("n1", "r1")})
	for i := range n {
		x.roster = append(x.roster, catalog.Node{ID: fmt.Sprintf("n%d", i+1), Point: i + 1})
		x.health.set(x.roster[i].ID, observation{alive: true, run: "r" + fmt.Sprint(i+1)})
	}
	x.members = catalog.Cluster{Nodes: x.roster, Threshold: threshold}
	return x
}

// One node that deviates spoils every set it is in. Nobody knows which one it
// is, and yet a set without it comes up before the attempts are used up,
// wherever so many sets can leave out every node once (not with 3 of 4).
func TestSetWithoutTheDeviatingNodeComesUpInTime(t *testing.T) {
	t.Parallel()
	for _, shape := range []struct{ n, t int }{{3, 2}, {4, 2}, {5, 3}} {
		x := bare(t, shape.n, shape.t)
		rapid.Check(t, func(t *rapid.T) {
			deviates := rapid.SampledFrom(x.ids()).Draw(t, "deviates")
			var attempts []catalog.Attempt
			for range catalog.MaxAttempts {
				fit := rapid.Permutation(x.roster).Draw(t, "drawn")
				active, root := x.leader.pick(fit, shape.t, attempts)
				if len(active) != shape.t || !slices.Contains(active, root) || !slices.IsSorted(active) {
					t.Fatalf("set %v with root %s", active, root)
				}
				if !slices.Contains(active, deviates) {
					return
				}
				attempts = append(attempts, catalog.Attempt{Active: active, Root: root, Failed: catalog.Why("node.deviates")})
			}
			t.Fatalf("%d of %d: %s was in all of %v", shape.t, shape.n, deviates, attempts)
		})
	}
}

// A refresh that fails is begun again after a tick, and after twice as long each time that it fails again. It is told that
// it waits; a node that is down meanwhile is told, too, and the pause goes on.
func TestAFailedRefreshIsBegunAgainAfterGrowingPauses(t *testing.T) {
	t.Parallel()
	w := makeDutyWorld(t)
	log, now := newDutyLedger(w, 0), w.now.Add(time.Hour)
	x := bare(t, 3, 2)
	x.members, x.opts.Tick, x.opts.Clock = w.members, time.Second, func() time.Time { return now }
	x.leader.log = slog.New(slog.DiscardHandler)
	apply := func(e catalog.Envelope) {
		t.Helper()
		log.mu.Lock()
		defer log.mu.Unlock()
		a, err := log.appendEntry(catalog.NewEntry(now.UnixMilli(), e).Marshal())
		if err != nil || !bytes.Contains(a.Outcome, []byte(`"seq"`)) || bytes.Contains(a.Outcome, []byte(`"refusal"`)) {
			t.Fatalf("%s, %v", a.Outcome, err)
		}
	}
	act := func(kind catalog.Kind, body any) {
		t.Helper()
		apply(w.signed(w.signing["n1"], catalog.NodeSigner("n1"), kind, body, now))
	}
	begins := func() (count int) {
		t.Helper()
		err := log.newest(func(v state.View) error {
			seen := map[string]bool{}
			list, err := x.leader.leadKeys(v, seen)
			x.leader.looks.Keep(seen)
			x.leader.tellWaiting()
			count = len(list)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return count
	}
	apply(w.envelope(w.operator, catalog.KindKeyRefresh, catalog.KeyRefresh{Key: w.key}, now))
	if begins() != 1 {
		t.Fatal("the first attempt is not begun at once")
	}
	for failed, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		var k catalog.Key
		if err := log.newest(func(v state.View) (err error) { k, err = v.Keys().Get(w.key); return err }); err != nil {
			t.Fatal(err)
		}
		b := catalog.NextReshare(k, []int{1, 2})
		act(catalog.KindKeyReshare, b)
		act(catalog.KindKeyFail, catalog.KeyFail{Key: w.key, Attempt: b.Attempt, Reason: startedAnew("n1")})
		for _, step := range []struct {
			after  time.Duration
			begins int
		}{{0, 0}, {pause*time.Second - 1, 0}, {1, 1}} {
			now = now.Add(step.after)
			if got := begins(); got != step.begins {
				t.Errorf("%d failed, %s later: %d attempts are begun, want %d", failed+1, step.after, got, step.begins)
			}
			if got, want := x.leader.waitingFor(), fmt.Sprintf("%d attempts in a row have failed", failed+1); strings.Contains(got, want) != (step.begins == 0) {
				t.Errorf("%d failed, %s later: it is told to wait for %q", failed+1, step.after, got)
			}
			if step.after > 0 && step.begins == 0 {
				x.health.set("n3", observation{})
				if begins(); !strings.Contains(x.leader.waitingFor(), "n3 does not answer") {
					t.Errorf("n3 is down, and it is told to wait for %q", x.leader.waitingFor())
				}
				x.health.set("n3", observation{alive: true})
			}
		}
	}
}

func TestNodesWithDamagedBlobsOpenOnlyWhereTheyAreNeeded(t *testing.T) {
	t.Parallel()
	x := bare(t, 3, 2)
	x.health.set("n2", observation{alive: true, damaged: true})
	for i := range x.roster {
		fit := append(slices.Clone(x.roster[i:]), x.roster[:i]...)
		if active, _ := x.leader.pick(fit, 2, nil); slices.Contains(active, "n2") {
			t.Errorf("%v is chosen though n1 and n3 are sound", active)
		}
	}
	if active, _ := x.leader.pick(x.roster[:2], 2, nil); !slices.Equal(active, []string{"n1", "n2"}) {
		t.Errorf("two are left, and %v is chosen", active)
	}
}

func TestAttemptEndsWhenAMemberIsGoneOrStartedAnewOrTheTimeIsOver(t *testing.T) {
	t.Parallel()
	x := bare(t, 3, 2)
	now := time.Unix(1000, 0)
	x.opts = Options{Clock: func() time.Time { return now }, AttemptTimeout: time.Minute}
	a := catalog.Attempt{Number: 1, Active: []string{"n1", "n2"}, Root: "n1"}
	look := func(session string) string { return explain.Reason(x.leader.overdue(session, a, map[string]bool{})) }

	if r := look("s"); r != "" {
		t.Errorf("at first sight: %q", r)
	}
	x.health.set("n3", observation{alive: false})
	if r := look("s"); r != "" {
		t.Errorf("another node is gone: %q", r)
	}
	x.health.set("n2", observation{alive: false})
	if r := look("s"); !strings.Contains(r, "n2 does not answer") {
		t.Errorf("n2 is gone: %q", r)
	}
	x.health.set("n2", observation{alive: true, run: "r2"})
	if r := look("s"); r != "" {
		t.Errorf("n2 missed a ping and answers again: %q", r)
	}
	x.health.set("n2", observation{alive: true, run: "another"})
	if r := look("s"); !strings.Contains(r, "n2 was started anew") {
		t.Errorf("n2 was killed and started between two pings: %q", r)
	}
	if r := look("next"); r != "" {
		t.Errorf("an attempt named since: %q", r)
	}
	now = now.Add(time.Minute + time.Second)
	if r := look("next"); !strings.Contains(r, "not done after") {
		t.Errorf("after the timeout: %q", r)
	}
}

// A majority that answers is a quorum, however slow its leader is: the caller may ask
// again, which it may not expect to help where there is none.
func TestSlowLeaderIsNoLostQuorum(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	n := c.nodes["n1"]
	slow := func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	c.await(ctx, "n2 to answer", func() bool { return n.health.isAlive("n2") })
	ask := func(do func(context.Context, string) error) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		return n.atLeader(ctx, do)
	}
	asked := func() error { return ask(slow) }
	c.await(ctx, "a slow leader to be told as such", func() bool {
		err := asked()
		if err == nil || errors.Is(err, api.ErrTimeout) == errors.Is(err, api.ErrNoQuorum) {
			t.Fatalf("a slow leader: %v", err)
		}
		return errors.Is(err, api.ErrTimeout) // else it lost the lead meanwhile, as it may on a busy machine
	})
	busy := func(context.Context, string) error { return consensus.ErrBusy }
	c.await(ctx, "a busy leader to be told as such", func() bool {
		err := ask(busy)
		if err == nil || errors.Is(err, api.ErrUnavailable) == errors.Is(err, api.ErrNoQuorum) {
			t.Fatalf("a busy leader: %v", err)
		}
		return errors.Is(err, api.ErrUnavailable)
	})
	c.close("n2")
	c.awaitGone(ctx, "n2")
	if err := asked(); !errors.Is(err, api.ErrNoQuorum) {
		t.Errorf("n2 is gone: %v", err)
	}
}

// A clock that is set between two pings is noticed before an entry has its time: by
// one that cannot be set. And a node that has just been started proposes nothing
// before it has compared its clock.
func TestClockThatIsSetIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	x := bare(t, 3, 2)
	now := time.Now()
	x.opts = Options{Clock: func() time.Time { return now }}
	if _, err := x.propose(t.Context(), catalog.Envelope{}, nil); !errors.Is(err, errUncompared) {
		t.Errorf("a node that has heard of nobody: %v", err)
	}
	same := time.Duration(0)
	x.health.set("n2", observation{alive: true, ahead: &same})
	x.health.compared(now, time.Now())
	if err := x.monitor.clockFault(); err != nil {
		t.Errorf("nothing happened: %v", err)
	}
	for _, by := range []time.Duration{365 * 24 * time.Hour, -time.Hour} {
		before := now
		now = now.Add(by)
		if err := x.monitor.clockFault(); !errors.Is(err, errClock) || !strings.Contains(err.Error(), "was set by") {
			t.Errorf("set by %s: %v", by, err)
		}
		if _, err := x.propose(t.Context(), catalog.Envelope{}, nil); !errors.Is(err, errClock) {
			t.Errorf("set by %s: proposes: %v", by, err)
		}
		x.health.compared(now, time.Now())
		if err := x.monitor.clockFault(); err != nil {
			t.Errorf("compared again, and the others agree: %v", err)
		}
		now = before
		x.health.compared(now, time.Now())
	}
}

func TestPanicsAreContained(t *testing.T) {
	t.Parallel()
	err := failure.Contain(func() error { panic("boom") })
	var p *failure.PanicError
	if !errors.As(err, &p) || !errors.Is(err, failure.ErrPanicked) || !strings.Contains(err.Error(), "boom") || len(p.Stack) == 0 {
		t.Errorf("got %v", err)
	}
	if !failure.Ends(fmt.Errorf("work: %w", err)) {
		t.Error("an attempt that panics is tried again for ever")
	}
	if err := failure.Contain(func() error { return failure.ErrDeviates }); !errors.Is(err, failure.ErrDeviates) {
		t.Errorf("got %v", err)
	}
}
