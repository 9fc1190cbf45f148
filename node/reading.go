package node

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// Read runs fn on a state that contains everything that was committed anywhere
// before the call (linearizable, raft thesis section 6.4): the leader confirms
// that it still leads and names its commit index, and this node waits until its
// own state machine is there.
func (n *Node) Read(ctx context.Context, fn func(catalog.View) error) error {
	var index uint64
	err := n.atLeader(ctx, func(ctx context.Context, leader string) error {
		var err error
		if leader == n.id {
			index, err = n.ledger.ReadIndex(ctx)
			return err
		}
		var answer readIndex
		err = n.call(ctx, leader, pathReadIndex, struct{}{}, &answer)
		index = answer.Index
		return err
	})
	if err != nil {
		return fmt.Errorf("find out what is committed: %w", ofThisNode(err))
	}
	if err := n.ledger.WaitApplied(ctx, index); err != nil {
		return fmt.Errorf("wait for entry %d: %w", index, ofThisNode(err))
	}
	return n.view(fn)
}

// view runs fn on this node's own state, however old.
func (n *Node) view(fn func(catalog.View) error) error {
	return n.ledger.View(func(r catalog.Reader) error { return fn(n.machine.View(r)) })
}

// Look calls fn with the state as it is here, which may be behind, and asks no other node.
func (n *Node) Look(fn func(catalog.View) error) error { return ofThisNode(n.view(fn)) }

// readIndex is the answer to pathReadIndex.
type readIndex struct {
	Index uint64 `json:"index"`
}
