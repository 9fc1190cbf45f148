package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
)

// Read runs fn on a state that contains everything that was committed anywhere
// before the call (linearizable, raft thesis section 6.4): the leader confirms
// that it still leads and names its commit index, and this node waits until its
// own state machine is there.
func (acc *access) Read(ctx context.Context, fn func(state.View) error) error {
	index, err := acc.reads.committed(ctx, acc.askCommitted)
	if err != nil {
		return fmt.Errorf("find out what is committed: %w", ofThisNode(err))
	}
	if err := acc.ledger.WaitApplied(ctx, index); err != nil {
		return fmt.Errorf("wait for entry %d: %w", index, ofThisNode(err))
	}
	if err := acc.monitor.stateFault(); err != nil {
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return acc.view(fn)
}

// askCommitted asks the leader what is committed.
func (acc *access) askCommitted(ctx context.Context) (index uint64, err error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(acc.life, end)()
	err = acc.atLeader(ctx, func(ctx context.Context, leader string) error {
		if leader == acc.id {
			index, err = acc.ledger.ReadIndex(ctx)
			return err
		}
		var answer readIndex
		err := acc.call(ctx, leader, pathReadIndex, struct{}{}, &answer)
		index = answer.Index
		return err
	})
	return index, err
}

// Look calls fn with the state as it is here, which may be behind, and asks no other node.
func (acc *access) Look(fn func(state.View) error) error { return ofThisNode(acc.view(fn)) }

// readIndex is the answer to pathReadIndex.
type readIndex struct {
	Index uint64 `json:"index"`
}

// readWait is how long a round of reads waits for the one before it to end: a leader that
// answers in less is asked by one round at a time, however many read, and where it takes
// longer nobody waits for others' rounds.
const readWait = 20 * time.Millisecond

// errRoundPanicked is what the others of a round are told whose question panicked.
var errRoundPanicked = errors.New("asking what is committed failed")

// readRounds asks the leader what is committed once for all reads that came before it was
// asked (raft thesis section 6.4 does the same for the leader's own rounds). A read joins a
// round whose question has not been sent yet; so the answer names all that was committed
// before the read began.
type readRounds struct {
	wait time.Duration // 0: readWait
	mu   sync.Mutex
	open *readRound    // takes reads; nil: none does. Guarded by mu
	last chan struct{} // closed when the last round that was sent is over; guarded by mu
}

type readRound struct {
	done  chan struct{}
	index uint64 // after done
	err   error  // after done
}

// committed is the index that ask returns, asked after the call. Whoever opens a round runs
// it to its end, also for the others when its own caller has gone; ask bounds that.
func (r *readRounds) committed(ctx context.Context, ask func(context.Context) (uint64, error)) (uint64, error) {
	r.mu.Lock()
	round, before := r.open, r.last
	mine := round == nil
	if mine {
		round = &readRound{done: make(chan struct{})}
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

func (r *readRounds) run(ctx context.Context, round *readRound, before chan struct{}, ask func(context.Context) (uint64, error)) {
	if before != nil {
		wait := time.NewTimer(cmp.Or(r.wait, readWait))
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
