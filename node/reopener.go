package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/leaving"
)

// failures takes why a node is of no use any more, or has to be opened anew (Run). The first reason counts.
type failures chan error

func (f failures) put(err error) {
	select {
	case f <- err:
	default: // it has failed in another way before
	}
}

// reopener notices what a node has to be opened anew for: another roster, a restore, a deposit that another machine was made
// of, a ledger that has room again.
type reopener struct {
	*core
	checkpoints *checkpoints
	failed      failures
}

// leaveHeartbeats is for how many heartbeats a seat that has left is talked to still.
const leaveHeartbeats = 3

// followsRoster waits until the ledger has a roster that is newer than the one that the node
// was opened with, writes it down, and ends the node, to be opened with it (Run).
func (x *reopener) followsRoster(ctx context.Context) {
	changes, stop := x.ledger.Changes()
	defer stop()
	for {
		err := cmp.Or(x.noteRoster(), x.noteRestore(), x.noteDeposit())
		if errors.Is(err, errRoster) || errors.Is(err, errRestored) || errors.Is(err, errBurned) {
			if errors.Is(err, errRoster) {
				x.letLeave(ctx)
			}
			x.failed.put(err)
			return
		}
		if err != nil {
			x.log.Error("the roster could not be written down", "error", err)
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
func (x *reopener) noteRestore() error {
	id, err := x.restoredAs()
	switch {
	case err != nil || id == x.checkpoints.notary.Load().after:
		return err
	case x.checkpoints.bare:
		return x.checkpoints.signAfter(id)
	}
	return errRestored
}

// letLeave gives a seat that has left the time to hear of it: once the others are opened anew they
// do not talk to it any more.
func (x *reopener) letLeave(ctx context.Context) {
	var same bool
	err := x.view(func(v state.View) error {
		c, err := v.Cluster()
		same = c.Changes == x.members.Changes
		return err
	})
	if err != nil || !same {
		return
	}
	t := time.NewTimer(leaveHeartbeats * x.opts.Heartbeat)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// noteRoster writes a newer roster down and returns errRoster; nil while there is none. A seat
// that has left makes a newer one.
func (x *reopener) noteRoster() error {
	f := founding.RosterFile{Version: 1}
	err := x.view(func(v state.View) error {
		c, err := v.Cluster()
		if errors.Is(err, records.ErrNotFound) {
			return nil
		}
		if err != nil || c.Changes < x.members.Changes || c.Changes == x.members.Changes && len(roster.All(c)) == len(x.roster) {
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
	if err := f.Write(x.opts.Dir); err != nil {
		return err
	}
	return errRoster
}

// noteDeposit returns errBurned once the ledger has another use of the deposit that the node was made of.
func (x *reopener) noteDeposit() error {
	if x.mark == nil {
		return nil
	}
	return x.view(func(v state.View) error {
		d, known, err := v.Deposits().Get(x.mark.Deposit)
		if err == nil && known && d.Burned() && d.Used != x.mark.Use {
			err = fmt.Errorf("%w (%s, at %s)", errBurned, x.mark.Deposit, time.UnixMilli(d.UsedAt).UTC().Format(time.DateTime))
		}
		return err
	})
}

// lonelyHeartbeats is for how many heartbeats a node hears of no leader before it asks whether it has left.
const lonelyHeartbeats = 10

// asksWhetherLeft has a node that hears of no leader ask the others at their addresses for clients whether it still takes part, and
// with whom: one that was away when its seat was let go is not talked to any more, nor does it talk to a machine that came meanwhile and leads.
func (x *reopener) asksWhetherLeft(ctx context.Context) {
	ticks, stop := x.opts.Ticks(lonelyHeartbeats * x.opts.Heartbeat)
	defer stop()
	alone := false // at the last tick
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		_, led := x.ledger.Leader()
		if led || !alone {
			alone = !led
			continue
		}
		f, err := x.asksOthers(ctx)
		if err == nil && f.Changes != nil {
			if err = f.Write(x.opts.Dir); err == nil {
				x.failed.put(errRoster) // opened again, it has left (ErrLeft), or knows the others
				return
			}
		}
		if err != nil {
			x.log.DebugContext(ctx, "asking whether this node has left", "error", err)
		}
	}
}

// asksOthers is leaving.Ask.
func (x *reopener) asksOthers(ctx context.Context) (f founding.RosterFile, err error) {
	rosters, _, _, err := founding.ReadRosters(x.opts.Dir, x.opts.Genesis)
	if err != nil {
		return f, err
	}
	return leaving.Ask(ctx, leaving.Seat{Node: x.id, Rosters: rosters, Changes: x.members.Changes, Log: x.log})
}

// restarts waits until the ledger stopped and can be opened again: at once, or, where it stopped for
// want of space, when there is some.
func (x *reopener) restarts(ctx context.Context) { x.restartsAfter(ctx, x.ledger) }

func (x *reopener) restartsAfter(ctx context.Context, l ledger) {
	select {
	case <-ctx.Done():
		return
	case <-l.Failed():
	}
	why := errRoom
	switch fault := l.Fault(); {
	case errors.Is(fault, consensus.ErrReopen):
		why = consensus.ErrReopen
	case !errors.Is(fault, consensus.ErrDiskFull) || !x.opts.awaitRoom(ctx):
		return
	}
	x.failed.put(why)
}
