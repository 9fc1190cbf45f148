package mpc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/failure"
)

// Attempts remembers what this node does in attempts that are under way.
type Attempts struct {
	progressed func(session string, now wire.Progress) // is told of every change, in order; nil: nobody

	mu sync.Mutex
	of map[string]*attempt // by session
}

// attempt is one that is under way.
type attempt struct {
	outcome  any  // what it came to, until the ledger has it; nil: nothing yet
	begun    bool // its computation on shares has
	progress *progress
}

func newAttempts(progressed func(string, wire.Progress)) *Attempts {
	return &Attempts{progressed: progressed, of: map[string]*attempt{}}
}

// get returns an attempt, which is made where there is none. mu is held.
func (as *Attempts) get(session string) *attempt {
	a := as.of[session]
	if a == nil {
		a = &attempt{}
		as.of[session] = a
	}
	return a
}

// Begin notes that an attempt's computation on shares begins. One that had begun before
// is not begun again: it is failure.ErrHalfway.
func (as *Attempts) Begin(session string) error {
	as.mu.Lock()
	defer as.mu.Unlock()
	a := as.get(session)
	if a.begun {
		return fmt.Errorf("%w: it had begun before in this attempt", failure.ErrHalfway)
	}
	a.begun = true
	return nil
}

// outcome computes what an attempt comes to, once: a member that could not reach a leader
// proposes the same again, and does not open anew with contributions that were used up.
func (as *Attempts) outcome(session string, compute func() (any, error)) (body any, err error) {
	as.mu.Lock()
	if a := as.of[session]; a != nil {
		body = a.outcome
	}
	as.mu.Unlock()
	if body != nil {
		return body, nil
	}
	err = failure.Contain(func() (err error) {
		body, err = compute()
		return err
	})
	if err != nil {
		return nil, err
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	as.get(session).outcome = body
	return body, nil
}

// Keep forgets every attempt that is over.
func (as *Attempts) Keep(running func(session string) bool) {
	as.mu.Lock()
	defer as.mu.Unlock()
	maps.DeleteFunc(as.of, func(session string, _ *attempt) bool { return !running(session) })
}

// start notes that work on an attempt starts. Where it broke off and starts again within
// the attempt, what is told stands still until it has caught up.
func (as *Attempts) start(session string, total counts) *progress {
	as.mu.Lock()
	defer as.mu.Unlock()
	a := as.get(session)
	if a.progress == nil {
		a.progress = &progress{}
		if as.progressed != nil {
			a.progress.heard = func(now wire.Progress) { as.progressed(session, now) }
		}
	}
	a.progress.reset(total)
	return a.progress
}

// progress returns how far an attempt is; nil: it has not started.
func (as *Attempts) progress(session string) *progress {
	as.mu.Lock()
	defer as.mu.Unlock()
	if a := as.of[session]; a != nil {
		return a.progress
	}
	return nil
}

// once computes an attempt's outcome once and commits it. Where that can never succeed, fail is
// told why, to end the attempt.
func (n *member) once(ctx context.Context, session string, kind catalog.Kind, compute func() (any, error), fail func(catalog.Reason) error) error {
	body, err := n.attempts.outcome(session, compute)
	if err == nil {
		if _, failed := body.(catalog.TestFailed); failed {
			kind = catalog.KindTestFailed
		}
		err = n.Ledger.Act(ctx, kind, body)
	}
	if err != nil && failure.Ends(err) {
		return errors.Join(err, fail(failure.OfNode(n.id, err)))
	}
	return err
}
