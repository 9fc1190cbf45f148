package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/vault"
)

// errRoster is what Node.Failed delivers when the roster is another one than the node was
// opened with.
var errRoster = errors.New("the roster changed")

// errRestored is what Node.Failed delivers when the ledger is another one than the node was opened
// with: the cluster was restored, without this node.
var errRestored = errors.New("the cluster was restored, without this node")

// errRoom is what Node.Failed delivers when a node that stopped for want of space could start
// again.
var errRoom = errors.New("there is room on the disk again")

// roomEvery is how often a node that stopped for want of space looks whether there is some. The
// look costs a system call.
const roomEvery = 2 * time.Second

// Run opens a node and keeps it until ctx ends or it is of no use any more. started is called
// with each node that is open.
//
// A node whose roster changes is opened again: everything that it does begins with who the
// others are. One whose ledger has to be opened again is. A node that stops for want of space is
// opened again as soon as its ledger may propose again.
// Until then it stays as it is, so that it can say what it waits for: a process that ended
// would be started again and again by its supervisor, until that gives up, and without a
// supervisor nobody would start it when there is room. A fault of any other kind needs a
// person, and stays to be asked about.
//
// Where the seal key is under a passphrase, the node is sealed until that is given: see Sealed.
func Run(ctx context.Context, o Options, started func(*Node)) error {
	checked, err := o.validate()
	if err != nil {
		return fmt.Errorf("run a node: %w", err)
	}
	if o.sealKey, err = checked.unlock(ctx); err != nil && ctx.Err() != nil {
		return nil //nolint:nilerr // it was to end
	} else if err != nil {
		return fmt.Errorf("open the seal key of node %s: %w", o.ID, err)
	}
	defer vault.Wipe(o.sealKey)
	for {
		n, err := Open(o)
		if errors.Is(err, consensus.ErrDiskFull) {
			checked.Logger.ErrorContext(ctx, "node waits for space", "node", o.ID, "error", err)
			if checked.awaitRoom(ctx) {
				continue
			}
			return nil
		}
		if err != nil {
			return err
		}
		started(n)
		select {
		case <-ctx.Done():
		case err = <-n.Failed():
		}
		if closed := n.Close(); closed != nil || !isAny(err, errRoom, errRoster, errRestored, consensus.ErrReopen) {
			return errors.Join(err, closed)
		}
		checked.Logger.InfoContext(ctx, "node starts again", "node", o.ID, "because", err)
	}
}

// awaitRoom waits until there is as much space as a ledger keeps free; it is false when ctx
// ends before.
func (o Options) awaitRoom(ctx context.Context) bool {
	ticks, stop := o.Ticks(roomEvery)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-ticks:
		}
		if free, err := o.Free(o.Dir); err == nil && free >= o.MinFreeBytes {
			return true
		}
	}
}
