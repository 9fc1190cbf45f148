package node

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/changes"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/mpc"
)

// task is one piece of work that follows from the state. Its name is the same
// for the same work, so that work under way is not started twice.
type task struct {
	name    string
	session string // of the attempt it belongs to; empty: none
	// run does the work. It is nil where there is nothing to do yet, but what
	// others send for the session is to be kept.
	run func(ctx context.Context) error
}

// reconciler runs what is left for this node to do, each in a goroutine of its own,
// until the state no longer asks for it. Work that ended and is still asked for
// is begun again after half a tick at the earliest: it failed, or it waits for
// others, or what it said is in the ledger and not yet in this node's state.
type reconciler struct {
	*core
	monitor *monitor
	access  *access
	leader  *leader

	interrupted map[string]bool // sessions that an earlier run was part of; set once, nil before
	news        *changes.News
	kept        keeping // used by run alone

	mu      sync.Mutex
	running map[string]context.CancelFunc
	rest    map[string]time.Time // not before
	wg      sync.WaitGroup       // used by run alone, and by what it starts
}

// run looks for tasks whenever the state changes, a tick passes or a node
// comes or goes, until ctx ends.
func (rec *reconciler) run(ctx context.Context) {
	entries, stop := rec.ledger.Changes()
	defer stop()
	t := time.NewTicker(rec.opts.Tick)
	defer t.Stop()
	defer rec.wg.Wait()
	for everything := true; ; {
		if everything {
			rec.kept.drop()
			rec.leader.kept.drop()
		}
		if err := rec.reconcile(ctx); err != nil && ctx.Err() == nil {
			rec.log.ErrorContext(ctx, "look for work", "error", err)
		}
		everything = true // time has passed, or something else than the state has changed
		select {
		case <-ctx.Done():
			return
		case <-entries:
			everything = false
			rec.news.Publish()
		case <-t.C:
		case <-rec.woken:
		}
	}
}

// reconcile derives this node's tasks from the state and starts those that do not
// run yet. Those that the state no longer asks for are cancelled.
func (rec *reconciler) reconcile(ctx context.Context) error {
	if rec.interrupted == nil {
		// By a state that a crash has taken back, a node would do again what it did, and miss what it has.
		if !rec.ledger.Recovered() {
			return nil
		}
		if err := rec.noteInterrupted(); err != nil {
			return err
		}
	}
	rec.mpc.Mailbox.Begin()
	list, err := rec.derive()
	if err != nil {
		return err
	}
	asked := make(map[string]bool, len(list))
	sessions := map[string]bool{}
	for _, d := range list {
		sessions[d.session] = true
		if d.run != nil {
			asked[d.name] = true
			rec.start(ctx, d)
		}
	}
	rec.cancel(func(name string) bool { return asked[name] })
	rec.mpc.Keep(func(session string) bool { return sessions[mpc.RootSession(session)] })
	return nil
}

// start runs a task unless it runs already or rests.
func (rec *reconciler) start(ctx context.Context, d task) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.running[d.name] != nil || rec.opts.Clock().Before(rec.rest[d.name]) {
		return
	}
	dctx, cancel := context.WithCancel(ctx)
	rec.running[d.name] = cancel
	rec.wg.Go(func() {
		defer cancel()
		err := failure.Contain(func() error { return d.run(dctx) })
		if err != nil && !errors.Is(err, context.Canceled) {
			rec.log.WarnContext(ctx, "work failed, will be tried again", "work", d.name, "error", err)
		}
		if p, panicked := errors.AsType[*failure.PanicError](err); panicked {
			rec.log.ErrorContext(ctx, "work panicked", "work", d.name, "stack", p.Stack)
		}
		rec.mu.Lock()
		delete(rec.running, d.name)
		rec.rest[d.name] = rec.opts.Clock().Add(rec.opts.Tick / 2)
		rec.mu.Unlock()
	})
}

// cancel ends every task that is no longer asked for.
func (rec *reconciler) cancel(asked func(name string) bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for name, stop := range rec.running {
		if !asked(name) {
			stop()
		}
	}
	maps.DeleteFunc(rec.rest, func(name string, _ time.Time) bool { return !asked(name) })
}

// derived is what a part of derive made of the state: tasks, and of a leader's part what it saw and what waits.
type derived struct {
	list  []task
	seen  map[string]bool
	found []string
}

// keeping has what the parts of derive made of the state, until an entry touches what they read.
type keeping struct {
	*core
	parts map[int]*changes.Kept[derived]
}

func newKeeping(c *core) keeping { return keeping{c, map[int]*changes.Kept[derived]{}} }

func (k *keeping) drop() { clear(k.parts) }

// of returns what a part makes of the state that r reads, which is no older than at; all that it makes where it fails.
func (k *keeping) of(part int, at uint64, r records.Reader, derive func(state.View) (derived, error)) (derived, error) {
	if k.parts[part] == nil {
		k.parts[part] = &changes.Kept[derived]{}
	}
	return k.parts[part].Of(k.ledger, at, r, func(r records.Reader) (derived, error) { return derive(k.machine.View(r)) })
}
