package consensus

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
)

// ReadIndex returns an index with this property: a state that has applied it
// reflects every entry that was accepted before the call. Only the leader can
// say that; others fail with [*NotLeaderError]. With [Ledger.WaitApplied] on any
// node, and then [Ledger.View] there, it makes a linearizable read.
func (l *Ledger) ReadIndex(ctx context.Context) (uint64, error) {
	end, err := l.life.enter()
	if err != nil {
		return 0, err
	}
	defer end()
	ctx, cancel := l.quorumContext(ctx)
	defer cancel()
	for {
		if err := l.awaitLeadership(ctx); err != nil {
			return 0, err
		}
		if l.transfers.Load() > 0 {
			// Members vote for the new leader although they hear from this
			// one, so that what confirms it may be outdated.
			if err := l.pause(ctx); err != nil {
				return 0, err
			}
			continue
		}
		// The order matters: the commit index first, then the proof that no
		// later leader existed when it was taken.
		term, commit := l.raft.CurrentTerm(), l.raft.CommitIndex()
		err := l.life.await(ctx, l.raft.confirm)
		switch {
		case err == nil && l.disk.log.committedIn(term, commit):
			return l.disk.log.visible(commit, l.disk.applied()), nil
		case err == nil, errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipLost),
			errors.Is(err, raft.ErrLeadershipTransferInProgress):
			// A new leader has yet to commit the no-op of its term, or there
			// is a new one to find.
			if err := l.pause(ctx); err != nil {
				return 0, err
			}
		default:
			return 0, fmt.Errorf("confirm leadership: %w", l.mapped(err))
		}
	}
}

// WaitApplied waits until this node's own state has applied the log entry with
// that index, or was restored from a snapshot that has.
func (l *Ledger) WaitApplied(ctx context.Context, index uint64) error {
	if err := l.life.usable(); err != nil {
		return err
	}
	err := l.waitUntil(ctx, func() (bool, error) { return l.disk.applied() >= index, nil })
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("wait until log index %d is applied, now at %d: %w", index, l.disk.applied(), ctx.Err())
	}
	return err
}

// Recovered reports whether this node's state has all that an earlier run of it may have applied: what its log had
// when it was opened. A crash may take the state back; who has acted on it waits until it is as far again.
func (l *Ledger) Recovered() bool {
	applied := l.disk.applied()
	return applied >= l.disk.log.visible(l.disk.log.before.Load(), applied)
}

// View runs fn on one consistent version of this node's state, as far as it is.
// fn's error is returned as it is.
func (l *Ledger) View(fn func(records.Reader) error) error {
	if err := l.life.usable(); err != nil {
		return err
	}
	return l.life.checked(l.disk.state.view(func(r pairs.Reader) error { return fn(machineReader{r}) }))
}

// Changes returns a channel that holds a notification whenever something was
// applied or the leadership changed since the last one was taken, and one to
// begin with. Notifications coalesce. cancel ends the subscription; the channel
// is never closed.
func (l *Ledger) Changes() (changes <-chan struct{}, cancel func()) { return l.notifier.subscribe() }

// Touched calls fn with the keys of the state that the entries behind a log index changed, until fn returns false.
// It reports whether they are all known: some of the last ones are, and none from before a restore.
func (l *Ledger) Touched(since uint64, fn func(key string) bool) (known bool) {
	return l.disk.state.touched.Since(since, fn)
}

// Record returns leaf seq as it was hashed, or [ErrNotFound]. A receipt carries
// it: its encoding's hash is the leaf. A void entry has no outcome.
func (l *Ledger) Record(seq uint64) (evidence.Record, error) {
	return readEvidence(l, func(r evidence.Reader, size uint64) (evidence.Record, error) {
		if seq >= size {
			return evidence.Record{}, fmt.Errorf("%w: %d of %d", ErrNotFound, seq, size)
		}
		return evidence.ReadRecord(r, seq)
	})
}

// TreeHead returns the size and the root of the evidence log of this node.
func (l *Ledger) TreeHead() (size uint64, root [32]byte, err error) {
	root, err = readEvidence(l, func(r evidence.Reader, n uint64) ([32]byte, error) {
		size = n
		return evidence.Root(r, n)
	})
	return size, root, err
}

// RootAt returns the root that the evidence log had when it had size leaves.
func (l *Ledger) RootAt(size uint64) (root [32]byte, err error) {
	return readEvidence(l, func(r evidence.Reader, n uint64) ([32]byte, error) {
		if size > n {
			return root, fmt.Errorf("%w: the tree has %d leaves, not %d", ErrNotFound, n, size)
		}
		return evidence.Root(r, size)
	})
}

// Proof returns the path from leaf seq to the root of the tree of size leaves.
func (l *Ledger) Proof(seq, size uint64) (evidence.Proof, error) {
	return readEvidence(l, func(r evidence.Reader, n uint64) (evidence.Proof, error) {
		if size > n || seq >= size {
			return nil, fmt.Errorf("%w: leaf %d in a tree of %d, there are %d", ErrNotFound, seq, size, n)
		}
		return evidence.Prove(r, seq, size)
	})
}

// Consistency shows that the tree of oldSize leaves, at least 1, is the
// beginning of the tree of newSize leaves.
func (l *Ledger) Consistency(oldSize, newSize uint64) (evidence.Consistency, error) {
	return readEvidence(l, func(r evidence.Reader, n uint64) (evidence.Consistency, error) {
		if newSize > n {
			return nil, fmt.Errorf("%w: a tree of %d leaves, there are %d", ErrNotFound, newSize, n)
		}
		return evidence.ProveConsistency(r, oldSize, newSize)
	})
}

// readEvidence returns what read finds in one version of the evidence log, and in its size there.
func readEvidence[T any](l *Ledger, read func(r evidence.Reader, size uint64) (T, error)) (out T, err error) {
	if err := l.life.usable(); err != nil {
		return out, err
	}
	err = l.disk.state.view(func(r pairs.Reader) error {
		p, err := readPosition(r)
		if err == nil {
			out, err = read(evidenceReader{r}, p.NextSeq)
		}
		return err
	})
	return out, l.life.checked(err)
}
