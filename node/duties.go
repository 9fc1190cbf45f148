package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/panictrace"
)

// maxQueries bounds the queries that a node opens at the same time. Each holds
// up to 64 accumulators and as many contributions of every other member, some
// 40 MB.
const maxQueries = 8

// duty is one piece of work that follows from the state. Its name is the same
// for the same work, so that work under way is not started twice.
type duty struct {
	name    string
	session string // of the attempt it belongs to; empty: none
	// run does the work. It is nil where there is nothing to do yet, but what
	// others send for the session is to be kept.
	run func(ctx context.Context) error
}

// errPanicked is what errors.Is finds in a panicError.
var errPanicked = errors.New("the work panicked")

// panicError is a panic in some work. The process lives on: what the ledger asks
// of one node it asks of all, so a query that panics would end every one of
// them, at every start.
type panicError struct {
	value any
	stack string
}

func (e *panicError) Error() string        { return fmt.Sprintf("%v: %v", errPanicked, e.value) }
func (e *panicError) Is(target error) bool { return target == errPanicked }

// contained runs do and turns a panic into an error.
func contained(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: panictrace.Frames()}
		}
	}()
	return do()
}

// duties runs what is left for this node to do, each in a goroutine of its own,
// until the state no longer asks for it. Work that ended and is still asked for
// is begun again after half a tick at the earliest: it failed, or it waits for
// others, or what it said is in the ledger and not yet in this node's state.
type duties struct {
	mu      sync.Mutex
	running map[string]context.CancelFunc
	rest    map[string]time.Time // not before
	wg      sync.WaitGroup       // used by work alone, and by what it starts
}

func newDuties() *duties {
	return &duties{running: map[string]context.CancelFunc{}, rest: map[string]time.Time{}}
}

// work looks for duties whenever the state changes, a tick passes or a node
// comes or goes, until ctx ends.
func (n *Node) work(ctx context.Context) {
	changes, stop := n.ledger.Changes()
	defer stop()
	t := time.NewTicker(n.opts.Tick)
	defer t.Stop()
	defer n.duties.wg.Wait()
	for {
		if err := n.look(ctx); err != nil && ctx.Err() == nil {
			n.log.ErrorContext(ctx, "look for work", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changes:
			n.news.publish()
		case <-t.C:
		case <-n.woken:
		}
	}
}

// wake makes work look again.
func (n *Node) wake() {
	select {
	case n.woken <- struct{}{}:
	default:
	}
}

// look derives this node's duties from the state and starts those that do not
// run yet. Those that the state no longer asks for are cancelled.
func (n *Node) look(ctx context.Context) error {
	n.exchange.begin()
	list, err := n.derive()
	if err != nil {
		return err
	}
	asked := make(map[string]bool, len(list))
	sessions := map[string]bool{}
	for _, d := range list {
		sessions[d.session] = true
		if d.run != nil {
			asked[d.name] = true
			n.start(ctx, d)
		}
	}
	n.duties.cancel(func(name string) bool { return asked[name] })
	known := func(session string) bool { return sessions[sessionRoot(session)] }
	n.exchange.keep(known)
	n.ceremonies.keep(known)
	n.outcomes.keep(known)
	n.headways.keep(known)
	return nil
}

// start runs a duty unless it runs already or rests.
func (n *Node) start(ctx context.Context, d duty) {
	ds := n.duties
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if ds.running[d.name] != nil || n.opts.Clock().Before(ds.rest[d.name]) {
		return
	}
	dctx, cancel := context.WithCancel(ctx)
	ds.running[d.name] = cancel
	ds.wg.Add(1)
	go func() {
		defer ds.wg.Done()
		defer cancel()
		err := contained(func() error { return d.run(dctx) })
		if err != nil && !errors.Is(err, context.Canceled) {
			n.log.WarnContext(ctx, "work failed, will be tried again", "work", d.name, "error", err)
		}
		if p := (*panicError)(nil); errors.As(err, &p) {
			n.log.ErrorContext(ctx, "work panicked", "work", d.name, "stack", p.stack)
		}
		ds.mu.Lock()
		delete(ds.running, d.name)
		ds.rest[d.name] = n.opts.Clock().Add(n.opts.Tick / 2)
		ds.mu.Unlock()
	}()
}

// cancel ends every duty that is no longer asked for.
func (ds *duties) cancel(asked func(name string) bool) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for name, stop := range ds.running {
		if !asked(name) {
			stop()
		}
	}
	for name := range ds.rest {
		if !asked(name) {
			delete(ds.rest, name)
		}
	}
}

// derive lists what the state asks of this node, as a member and as leader.
// What a leader cannot decide is logged and keeps it from nothing else.
func (n *Node) derive() (list []duty, err error) {
	list = n.repairDuties()
	leads := n.ledger.IsLeader()
	if leads && (n.clockFault() != nil || n.ledger.Full() != nil) {
		list, leads = append(list, n.resign()), false
	}
	err = n.view(func(v catalog.View) error {
		parts := []func(catalog.View) ([]duty, error){n.keyDuties, n.versionDuties, n.vectorDuties, n.queryDuties}
		if leads {
			parts = append(parts, n.foundingDuty)
		}
		for _, part := range parts {
			d, err := part(v)
			if err != nil {
				return err
			}
			list = append(list, d...)
		}
		if leads {
			d, err := n.lead(v)
			list = append(list, d...)
			n.leader.complain(n.log, err)
		}
		return nil
	})
	return list, err
}

// foundingDuty proposes the founding while there is no cluster.
func (n *Node) foundingDuty(v catalog.View) ([]duty, error) {
	_, err := v.Cluster()
	if !errors.Is(err, catalog.ErrNotFound) {
		return nil, err
	}
	if !n.timeKnown() {
		return nil, nil
	}
	return []duty{{name: "found", run: func(ctx context.Context) error {
		r, err := n.Submit(ctx, n.opts.Genesis.Envelope)
		if err == nil && r.Outcome.Refusal != nil {
			err = r.Outcome.Refusal
		}
		return err
	}}}, nil
}

func (n *Node) keyDuties(v catalog.View) (list []duty, err error) {
	keys, err := v.Keys()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.State == catalog.KeyReady || k.State == catalog.KeyFailed {
			continue
		}
		session := ceremonySession(k)
		if k.State != catalog.KeyTesting && !slices.Contains(missingIn(k), n.id) {
			list = append(list, duty{session: session}) // the others' turn
			continue
		}
		list = append(list, duty{
			name: fmt.Sprintf("%s/%s", session, k.State), session: session,
			run: func(ctx context.Context) error { return n.ceremonyStep(ctx, k) },
		})
	}
	return list, nil
}

func (n *Node) versionDuties(v catalog.View) (list []duty, err error) {
	unacked, err := v.Unacked(n.id)
	if err != nil {
		return nil, err
	}
	for _, u := range unacked {
		list = append(list, duty{
			name: fmt.Sprintf("store/%s/%d", u.Dataset, u.Version),
			run:  func(ctx context.Context) error { return n.storeVersion(ctx, u.Dataset, u.Version) },
		})
	}
	pending, err := v.PendingVersions()
	if err != nil {
		return nil, err
	}
	for _, p := range pending {
		a, member := running(p.Attempts, n.id)
		if at := slices.Index(a.Active, n.id); p.State != catalog.VersionStored || !member || (at < len(p.Held) && p.Held[at]) {
			continue
		}
		session := versionSession(p.Dataset, p.Version, a.Number)
		work := duty{name: session, session: session, run: func(ctx context.Context) error {
			return n.openParity(ctx, p.Dataset, p.Version, a)
		}}
		list = append(list, n.unless(work, catalog.KindVersionFail, catalog.VersionFail{
			Dataset: p.Dataset, Version: p.Version, Attempt: a.Number, Reason: n.id + " " + startedAnew,
		}))
	}
	return list, nil
}

// queryDuties lists the oldest queries that this node has to open, at most
// maxQueries. All nodes go by age, so the oldest of all is under way at every
// one of its members, whatever else they do: no two nodes wait for each other.
// What others send for the younger ones is kept meanwhile.
func (n *Node) queryDuties(v catalog.View) (list []duty, err error) {
	pending, err := v.PendingQueries()
	if err != nil {
		return nil, err
	}
	started := 0
	for _, q := range pending {
		a, member := running(q.Attempts, n.id)
		if !member || slices.Contains(q.Shares, n.id) || slices.Contains(q.Cohort, n.id) {
			continue
		}
		session := querySession(q.ID, a.Number)
		if started++; started > maxQueries {
			list = append(list, duty{session: session})
			continue
		}
		work := duty{name: session, session: session, run: func(ctx context.Context) error {
			return n.answerQuery(ctx, q.ID, a)
		}}
		list = append(list, n.unless(work, catalog.KindQueryFail, catalog.QueryFail{
			Query: q.ID, Attempt: a.Number, Reason: n.id + " " + startedAnew,
		}))
	}
	return list, nil
}

// news tells any number of waiting requests that the state changed.
type news struct {
	mu sync.Mutex
	ch chan struct{}
}

func newNews() *news { return &news{ch: make(chan struct{})} }

// next returns a channel that is closed at the next change after the call.
func (w *news) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ch
}

func (w *news) publish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.ch)
	w.ch = make(chan struct{})
}
