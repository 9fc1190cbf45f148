package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
)

// A node that stops for want of space says so and goes on by itself when there is room, in the
// same process.
func TestNodeGoesOnWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	const plenty = 1 << 40
	var free atomic.Uint64
	free.Store(plenty)
	var options Options
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n3" {
			o.Free = func(string) (uint64, error) { return free.Load(), nil }
			options = *o
		}
	})
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	c.close("n3")

	_, next, stop := c.run(ctx, options)
	n := next()
	c.await(ctx, "n3 to be ready", func() bool { ok, _ := n.standing.Ready(); return ok })

	free.Store(1)
	for i := 0; n.standing.Live() == nil; i++ { // it looks at its disk every two seconds, and stops at an entry
		c.admit(ctx, newKey(t, fmt.Sprintf("%d while n3 is full", i)), catalog.RoleBuyer)
	}
	if err := n.standing.Live(); !errors.Is(err, consensus.ErrDiskFull) || !strings.Contains(err.Error(), "goes on by itself") {
		t.Errorf("it says: %v", err)
	}
	free.Store(plenty)
	n = next()
	c.nodes["n3"] = n
	c.await(ctx, "n3 to be ready again", func() bool { ok, _ := n.standing.Ready(); return ok })
	c.await(ctx, "n3 to catch up", func() bool { return n.ledger.NextSeq() >= c.nodes["n1"].ledger.NextSeq() })
	delete(c.nodes, "n3")
	stop()
}

// run keeps a node open, as the program does: opened has each node that was opened, next waits for one, stop ends it.
func (c *cluster) run(ctx context.Context, o Options) (opened chan *Node, next func() *Node, stop func()) {
	c.t.Helper()
	running, cancel := context.WithCancel(ctx)
	c.t.Cleanup(cancel)
	opened, ended := make(chan *Node, 8), make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { ended <- Run(running, o, func(n *Node) { opened <- n }) })
	next = func() *Node {
		c.t.Helper()
		select {
		case n := <-opened:
			return n
		case err := <-ended:
			c.t.Fatalf("it ended: %v", err)
		case <-ctx.Done():
			c.t.Fatal("it was not opened")
		}
		return nil
	}
	return opened, next, func() {
		c.t.Helper()
		cancel()
		wg.Wait()
		if err := <-ended; err != nil {
			c.t.Errorf("it ended: %v", err)
		}
	}
}

// faulty is a ledger that a fault has stopped.
type faulty struct {
	ledger
	error
}

func (faulty) Failed() <-chan struct{} { c := make(chan struct{}); close(c); return c }
func (f faulty) Fault() error          { return f.error }

// A node whose ledger has to be opened again, after it took a snapshot in place of other entries, is, in the same process;
// after any other fault it stays as it is, to be asked about.
func TestNodeIsOpenedAgainWithItsLedger(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var options Options
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n3" {
			options = *o
		}
	})
	c.close("n3")
	opened, next, stop := c.run(ctx, options)
	n := next()
	n.reopener.restartsAfter(ctx, faulty{error: errors.New("something else")})
	select {
	case <-opened:
		t.Error("it was opened again after a fault that needs a person")
	default:
	}
	n.reopener.restartsAfter(ctx, faulty{error: fmt.Errorf("%w: %w", consensus.ErrFault, consensus.ErrReopen)})
	again := next()
	if again == n {
		t.Error("it is the same node")
	}
	c.await(ctx, "n3 to be ready again", func() bool { ok, _ := again.standing.Ready(); return ok })
	stop()
}
