package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/compare"
	"github.com/weirdata/weir/node/cosign"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/restore"
	"github.com/weirdata/weir/node/vault"
)

const (
	// secretSigned is what the vault calls the checkpoint that was signed last.
	// It is no secret; sealed, it cannot be exchanged unnoticed.
	secretSigned = "node/signed"
	// maxGathers bounds how often a checkpoint is begun anew because others have
	// signed a larger one meanwhile.
	maxGathers = 8
)

// checkpoints signs this node's log and gathers what others sign.
type checkpoints struct {
	*core
	notary atomic.Pointer[signer]
	bare   bool // the node was opened without a ledger

	others *cosign.Others

	turn   chan struct{} // has room for one: a gathering at a time, which guards the following
	size   uint64        // of signed
	signed []byte        // the largest that enough nodes signed
}

// signer signs what comes after a restore.
type signer struct {
	*evidence.Notary
	after catalog.Digest // the restore; zero: none
}

// open finds what this node signed last.
func (cp *checkpoints) open() error {
	cp.others = &cosign.Others{
		Origin: cp.origin(), Self: cp.id, Members: cp.members, Alive: cp.health.isAlive, Leader: cp.ledger.Leader, Log: cp.log,
		Call: func(ctx context.Context, node string, head compare.Head, out *cosign.Answer) error {
			return cp.call(ctx, node, pathCheckpoint, head, out)
		},
	}
	cp.bare = cp.ledger.NextSeq() == 0
	after, err := cp.restoredAs()
	if err != nil {
		return err
	}
	return cp.signAfter(after)
}

// signAfter has the node sign what comes after a restore.
func (cp *checkpoints) signAfter(after catalog.Digest) error {
	notary, err := evidence.NewNotary(cp.origin(), cp.id, cp.signing, ownTree{cp.ledger}, vault.Memory{Vault: cp.vault, Name: signedName(after)}, cp.opts.Clock)
	if err == nil {
		cp.notary.Store(&signer{notary, after})
	}
	return err
}

func (cp *checkpoints) origin() string { return evidence.Origin(cp.cluster.String()) }

// ownTree is the ledger's evidence log as a notary reads it.
type ownTree struct{ ledger ledger }

func (t ownTree) Size() (uint64, error) { return t.ledger.NextSeq(), nil }

func (t ownTree) RootAt(size uint64) (evidence.Hash, error) { return t.ledger.RootAt(size) }

// serveCheckpoint signs a checkpoint for a peer, if it is one of this node's own
// log.
func (cp *checkpoints) serveCheckpoint(ctx context.Context, from string, w http.ResponseWriter, r *http.Request) error {
	var wish compare.Head
	if err := peer.ReadJSON(r, &wish); err != nil {
		return err
	}
	if err := cp.awaitEntries(ctx, wish.Size); err != nil {
		return &peer.Error{Status: http.StatusConflict, Kind: kindNotAsked, Message: err.Error(), Err: err}
	}
	root, err := cp.ledger.RootAt(wish.Size)
	if err != nil {
		return err
	}
	if catalog.Digest(root) != wish.Root {
		cp.log.ErrorContext(ctx, "logs differ", "node", from, "entries", wish.Size, "own", catalog.Digest(root), "other", wish.Root)
		return peer.WriteJSON(w, cosign.Answer{Root: catalog.Digest(root)})
	}
	_, lines, err := cp.notary.Load().Sign(wish.Size)
	if passed, is := errors.AsType[*evidence.PassedError](err); is {
		return peer.WriteJSON(w, cosign.Answer{Passed: passed.Size})
	}
	if err != nil {
		return err
	}
	return peer.WriteJSON(w, cosign.Answer{Lines: lines})
}

// awaitEntries waits until this node's log has so many entries.
func (cp *checkpoints) awaitEntries(ctx context.Context, size uint64) error {
	ctx, cancel := context.WithTimeout(ctx, cosign.Wait)
	defer cancel()
	changes, stop := cp.ledger.Changes()
	defer stop()
	for cp.ledger.NextSeq() < size {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s has %d entries, it has %d: %w", cp.id, size, cp.ledger.NextSeq(), ctx.Err())
		case <-changes:
		}
	}
	return nil
}

// gather returns a checkpoint of at least so many entries with the signatures of
// as many nodes as the threshold says.
func (cp *checkpoints) gather(ctx context.Context, least uint64) ([]byte, uint64, error) {
	tries, cancel := context.WithTimeout(ctx, cp.opts.QuorumWait) // as long as others look for a quorum
	defer cancel()
	select {
	case cp.turn <- struct{}{}:
		defer func() { <-cp.turn }()
	case <-tries.Done():
		return nil, 0, fmt.Errorf("%w: others wait for signatures under a checkpoint too", api.ErrTooFew)
	}
	if cp.signed != nil && cp.size >= least {
		return cp.signed, cp.size, nil
	}
	for begun := 0; begun < maxGathers; {
		if err := cp.awaitEntries(ctx, least); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", api.ErrUnavailable, err)
		}
		own, err := cp.head()
		if err != nil {
			return nil, 0, err
		}
		// Each signature is remembered on a disk before it is given: none waits for another.
		var signing sync.WaitGroup
		var lines []byte
		signing.Go(func() { _, lines, err = cp.notary.Load().Sign(own.Size) })
		votes := cp.others.Ask(tries, own)
		signing.Wait()
		if passed, is := errors.AsType[*evidence.PassedError](err); is { // for another node, in between
			votes.Passed, err = max(votes.Passed, passed.Size), nil
		}
		if err != nil {
			return nil, 0, evidenceError(err)
		}
		if lines != nil {
			votes.Lines[cp.id] = lines
		}
		if signed := cp.others.Assemble(own, votes.Lines); signed != nil {
			cp.signed, cp.size = signed, own.Size
			// It is read when this node is all that is left.
			if err := durable.WriteFile(filepath.Join(cp.opts.Dir, restore.FileCheckpoint), signed, 0o600); err != nil {
				cp.log.WarnContext(ctx, "the newest checkpoint could not be kept", "error", err)
			}
			return signed, own.Size, nil
		}
		if votes.Passed > 0 {
			least = votes.Passed
			begun++
			continue
		}
		if len(votes.Forks) > 0 {
			return nil, 0, cp.others.TooFew(votes, own)
		}
		select {
		case <-tries.Done():
			return nil, 0, cp.others.TooFew(votes, own)
		case <-time.After(5 * retryPause):
		}
	}
	return nil, 0, fmt.Errorf("%w: the log grows faster than %d nodes sign it", api.ErrUnavailable, cp.members.Threshold)
}

// head is the checkpoint of all entries that this node's log has.
func (cp *checkpoints) head() (c evidence.Checkpoint, err error) {
	c = evidence.Checkpoint{Origin: cp.origin(), Size: cp.ledger.NextSeq()}
	if c.Size == 0 {
		return c, fmt.Errorf("%w: the log has no entry", api.ErrUnavailable)
	}
	c.Root, err = cp.ledger.RootAt(c.Size)
	return c, err
}

// evidenceError tells the API what kind of failure it is.
func evidenceError(err error) error {
	switch {
	case errors.Is(err, evidence.ErrRewritten), errors.Is(err, evidence.ErrCorrupt):
		return fmt.Errorf("%w: %w", api.ErrForked, err)
	case errors.Is(err, consensus.ErrNotFound):
		return fmt.Errorf("%w: %w", api.ErrNotFound, err)
	case errors.Is(err, evidence.ErrAhead):
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return err
}
