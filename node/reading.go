package node

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
)

// Read runs fn on a state that contains everything that was committed anywhere
// before the call (linearizable, raft thesis section 6.4): the leader confirms
// that it still leads and names its commit index, and this node waits until its
// own state machine is there.
func (acc *access) Read(ctx context.Context, fn func(state.View) error) error {
	index, err := acc.reads.Committed(ctx, acc.askCommitted)
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
