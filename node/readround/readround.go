// Package readround has reads that come at about the same time share one question to the leader of what is committed.
package readround

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// roundWait is how long a round of reads waits for the one before it to end: a leader that
// answers in less is asked by one round at a time, however many read, and where it takes
// longer nobody waits for others' rounds.
const roundWait = 20 * time.Millisecond

// errRoundPanicked is what the others of a round are told whose question panicked.
var errRoundPanicked = errors.New("asking what is committed failed")

// Rounds asks the leader what is committed once for all reads that came before it was
// asked (raft thesis section 6.4 does the same for the leader's own rounds). A read joins a
// round whose question has not been sent yet; so the answer names all that was committed
// before the read began.
type Rounds struct {
	wait time.Duration // 0: roundWait
	mu   sync.Mutex
	open *question     // takes reads; nil: none does. Guarded by mu
	last chan struct{} // closed when the last round that was sent is over; guarded by mu
}

type question struct {
	done  chan struct{}
	index uint64 // after done
	err   error  // after done
}

// Committed is the index that ask returns, asked after the call. Whoever opens a round runs
// it to its end, also for the others when its own caller has gone; ask bounds that.
func (r *Rounds) Committed(ctx context.Context, ask func(context.Context) (uint64, error)) (uint64, error) {
	r.mu.Lock()
	round, before := r.open, r.last
	mine := round == nil
	if mine {
		round = &question{done: make(chan struct{})}
		r.open = round
	}
	r.mu.Unlock()
	if mine {
		r.run(context.WithoutCancel(ctx), round, before, ask)
	}
	select {
	case <-round.done:
		return round.index, round.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (r *Rounds) run(ctx context.Context, round *question, before chan struct{}, ask func(context.Context) (uint64, error)) {
	if before != nil {
		wait := time.NewTimer(cmp.Or(r.wait, roundWait))
		select {
		case <-before:
		case <-wait.C:
		}
		wait.Stop()
	}
	r.mu.Lock()
	r.open, r.last = nil, round.done
	r.mu.Unlock()
	defer close(round.done)
	round.err = errRoundPanicked // of a panic, which goes on to whoever recovers
	round.index, round.err = ask(ctx)
}
