package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// maxExplained is how many explanations are remembered; each takes some 50 kB, 25 of which
// a page of rows.
const maxExplained = 128

// explanations remembers what queries were explained to be in one state of the ledger. The
// same question in the same state has the same answer, so it is computed once, whether it
// is asked again or by many at the same time.
type explanations struct {
	mu sync.Mutex
	at uint64                      // guarded by mu: the state that all of them are of, or a later one
	of map[explainKey]*explanation // guarded by mu
}

// explainKey is who asks what.
type explainKey struct{ caller, statement string }

// explanation is an answer, once done is closed.
type explanation struct {
	done chan struct{}
	body wire.Explained
	err  error
}

// keyOf identifies a question of a caller.
func keyOf(caller catalog.Principal, asked wire.Statement) (explainKey, error) {
	b, err := json.Marshal(asked)
	if err != nil {
		return explainKey{}, fmt.Errorf("encode a statement: %w", err)
	}
	return explainKey{caller.ID + " " + string(caller.Receiving), string(b)}, nil
}

// begin returns the answer to a question in the state of an index, and whether the caller
// is the one to compute it.
func (e *explanations) begin(key explainKey, at uint64) (x *explanation, compute bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of == nil || at > e.at || len(e.of) >= maxExplained {
		e.of = map[explainKey]*explanation{}
		e.at = max(e.at, at)
	}
	if at < e.at {
		return &explanation{done: make(chan struct{})}, true // of a state that is gone: for this caller alone
	}
	if x, known := e.of[key]; known {
		return x, false
	}
	x = &explanation{done: make(chan struct{})}
	e.of[key] = x
	return x, true
}

// finish keeps an answer, and tells those who wait for it. What was not decided is
// forgotten.
func (e *explanations) finish(key explainKey, x *explanation, body wire.Explained, err error) {
	x.body, x.err = body, err
	close(x.done)
	_, refused := errors.AsType[*catalog.Refusal](err)
	_, told := errors.AsType[*wire.Problem](err)
	if err == nil || refused || told {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of[key] == x {
		delete(e.of, key)
	}
}

// explainOnce puts into body the answer to a question in the state that the ledger has now.
// do computes it there, unless somebody has in that state, or is about to.
//
// The index is read after a linearizable read and before the state that do looks at. So
// the state of every answer that is found under it holds all that was acknowledged before
// the question.
func (s *server) explainOnce(ctx context.Context, asked wire.Statement, body *wire.Explained, do func(state.View) error) error {
	if s.opts.Applied == nil {
		return s.judge(ctx, do)
	}
	if err := s.opts.Backend.Read(ctx, func(state.View) error { return nil }); err != nil {
		return err
	}
	key, err := keyOf(callerOf(ctx), asked)
	if err != nil {
		return err
	}
	for {
		x, compute := s.explained.begin(key, s.opts.Applied())
		if compute {
			return s.explainFirst(ctx, key, x, body, do)
		}
		select {
		case <-x.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !errors.Is(x.err, context.Canceled) && !errors.Is(x.err, context.DeadlineExceeded) {
			*body = x.body
			return x.err
		} // whoever was to compute it has gone
	}
}

// explainFirst computes an answer for all who wait for it, who are told also when do panics.
func (s *server) explainFirst(ctx context.Context, key explainKey, x *explanation, body *wire.Explained, do func(state.View) error) (err error) {
	err = context.Canceled // of a panic, which goes on to whoever recovers
	defer func() { s.explained.finish(key, x, *body, err) }()
	return s.compute(ctx, do)
}
