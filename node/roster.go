package node

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/founding"
)

// leaveHeartbeats is for how many heartbeats a seat that has left is talked to still.
const leaveHeartbeats = 3

// followsRoster waits until the ledger has a roster that is newer than the one that the node
// was opened with, writes it down, and ends the node, to be opened with it (Run).
func (n *Node) followsRoster(ctx context.Context) {
	changes, stop := n.ledger.Changes()
	defer stop()
	for {
		err := cmp.Or(n.noteRoster(), n.noteRestore(), n.noteDeposit())
		if errors.Is(err, errRoster) || errors.Is(err, errRestored) || errors.Is(err, errBurned) {
			if errors.Is(err, errRoster) {
				n.letLeave(ctx)
			}
			select {
			case n.failed <- err:
			default: // it has failed in another way before
			}
			return
		}
		if err != nil {
			n.log.Error("the roster could not be written down", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changes:
		}
	}
}

// noteRestore returns errRestored once the ledger has another restore than the node signs after. A node
// that was opened without a ledger has nothing of a past that it would have to leave: it goes on. Were
// it opened again, what others send it meanwhile would be lost, and waited for.
func (n *Node) noteRestore() error {
	id, err := n.restoredAs()
	switch {
	case err != nil || id == n.checkpoints.notary.Load().after:
		return err
	case n.checkpoints.bare:
		return n.checkpoints.signAfter(id)
	}
	return errRestored
}

// letLeave gives a seat that has left the time to hear of it: once the others are opened anew they
// do not talk to it any more.
func (n *Node) letLeave(ctx context.Context) {
	var same bool
	err := n.view(func(v state.View) error {
		c, err := v.Cluster()
		same = c.Changes == n.members.Changes
		return err
	})
	if err != nil || !same {
		return
	}
	t := time.NewTimer(leaveHeartbeats * n.opts.Heartbeat)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// noteRoster writes a newer roster down and returns errRoster; nil while there is none. A seat
// that has left makes a newer one.
func (n *Node) noteRoster() error {
	f := founding.RosterFile{Version: 1}
	err := n.view(func(v state.View) error {
		c, err := v.Cluster()
		if errors.Is(err, records.ErrNotFound) {
			return nil
		}
		if err != nil || c.Changes < n.members.Changes || c.Changes == n.members.Changes && len(roster.All(c)) == len(n.roster) {
			return err
		}
		list, err := v.RosterChanges()
		if err != nil {
			return err
		}
		all := roster.All(c)
		for _, x := range list {
			if x.Seats == nil {
				continue
			}
			for _, was := range x.Seats.Nodes {
				if !slices.ContainsFunc(all, func(m catalog.Node) bool { return m.ID == was.ID }) && !slices.Contains(f.Left, was.ID) {
					f.Left = append(f.Left, was.ID)
				}
			}
		}
		f.Changes = attest.Entries(list)[1:]
		return nil
	})
	if err != nil || len(f.Changes) == 0 {
		return err
	}
	if err := f.Write(n.opts.Dir); err != nil {
		return err
	}
	return errRoster
}

// addrOf is where a member is reached: the address that raft was told at the founding may
// be that of a machine which is gone.
func (n *Node) addrOf(id string) (addr string, known bool) {
	for _, m := range n.roster {
		if m.ID == id {
			return m.Addr, true
		}
	}
	return "", false
}
