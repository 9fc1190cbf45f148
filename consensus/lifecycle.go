package consensus

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/consensus/damage"
)

// lifecycle counts the operations of a ledger. None begins after a fault or once it is
// closing.
type lifecycle struct {
	logger *slog.Logger

	mu      sync.Mutex     // guards closed; ops.Add happens under it or under an op
	closed  bool           // no operation begins any more
	ops     sync.WaitGroup // operations, and raft's answers that are under way
	closing chan struct{}

	failOnce sync.Once
	failed   chan struct{} // closed after err is set
	err      atomic.Pointer[error]
}

func newLifecycle(logger *slog.Logger) *lifecycle {
	return &lifecycle{logger: logger, closing: make(chan struct{}), failed: make(chan struct{})}
}

// enter begins an operation; the returned function ends it.
func (c *lifecycle) enter() (end func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usableLocked(); err != nil {
		return nil, err
	}
	c.ops.Add(1)
	return c.ops.Done, nil
}

func (c *lifecycle) usable() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usableLocked()
}

func (c *lifecycle) usableLocked() error {
	if c.closed {
		return ErrClosed
	}
	return c.fault()
}

// fail stops the ledger: what the state holds can no longer be trusted to be
// what the others hold.
func (c *lifecycle) fail(err error) {
	c.failOnce.Do(func() {
		fault := fmt.Errorf("%w: %w", ErrFault, err)
		c.err.Store(&fault)
		close(c.failed)
		c.logger.Error("ledger stopped", slog.String("error", err.Error()))
	})
}

// fault returns what stopped the ledger, or nil.
func (c *lifecycle) fault() error {
	if p := c.err.Load(); p != nil {
		return *p
	}
	return nil
}

// checked stops the ledger where err says that a part is damaged. It returns what stopped it
// then, as every later call does, else err.
func (c *lifecycle) checked(err error) error {
	if !damage.Is(err) {
		return err
	}
	c.fail(err)
	return c.fault()
}

// await runs a call of raft's, which knows no context. What call writes may be
// read only when await returns nil. The goroutine belongs to the ledger: it ends
// when raft answers, and Close waits for it. It begins within an operation.
func (c *lifecycle) await(ctx context.Context, call func() error) error {
	done := make(chan error, 1)
	c.ops.Add(1)
	go func() {
		defer c.ops.Done()
		done <- call()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close lets no operation begin any more. It is called once.
func (c *lifecycle) close() {
	close(c.closing)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// drain waits for the operations under way when none begins any more, for so long at most.
// Raft drops what is on its way to the state machine when it shuts down, and whoever waits
// for that waits for ever.
func (c *lifecycle) drain(ctx context.Context, atMost time.Duration) bool {
	// Whoever took the lock before saw no fault and is counted; whoever takes it later
	// sees it.
	c.mu.Lock()
	c.mu.Unlock() //nolint:staticcheck // the lock is a barrier
	done := make(chan struct{})
	go func() {
		c.ops.Wait()
		close(done)
	}()
	t := time.NewTimer(atMost)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	case <-t.C:
	}
	return false
}
