package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
)

// Backend is the ledger as the API needs it.
type Backend interface {
	// Submit has the envelope applied, whichever node leads, and returns what
	// was recorded. A refusal is an Outcome, not an error. Errors wrap
	// ErrNoQuorum, ErrTimeout (it may or may not be applied; sending the same
	// bytes again is safe) or ErrUnavailable, or are a *BusyError. With again, a query
	// that only repeats what its signer was answered is not applied: Receipt.Repeats
	// names the earlier one, whose entry the receipt is of.
	Submit(ctx context.Context, envelope catalog.Envelope, again bool) (Receipt, error)
	// Read calls fn with a state that holds everything acknowledged before the
	// call (a linearizable read). fn must not keep the view.
	Read(ctx context.Context, fn func(state.View) error) error
	// Look calls fn with this node's own state, which may be behind what the others
	// acknowledged, and asks nobody: it works without a quorum. fn must not keep the view.
	Look(fn func(state.View) error) error
	// Receipt finds the entry in the evidence log. An error that wraps
	// ErrNotFound means that there is no such entry.
	Receipt(ctx context.Context, seq uint64) (Receipt, error)
	// Changes returns a channel that is closed at the next change of this
	// node's state after the call.
	Changes() <-chan struct{}
}

// Receipt says where the evidence log holds an applied entry and, from Submit,
// what became of it.
type Receipt struct {
	Seq     uint64          `json:"seq"`
	Leaf    catalog.Digest  `json:"leaf"`
	Index   uint64          `json:"index"`
	Outcome catalog.Outcome `json:"outcome"`
	// Fix is what would pass instead of a query that was refused, in more detail than
	// the outcome that is recorded says; nothing: no more is known.
	Fix []catalog.Reason `json:"-"`
	// Repeats is the answered query that stands for the one that was sent, of which nothing was recorded; empty: it was.
	Repeats string `json:"-"`
}

// Blobs is the node's store of content-addressed blobs.
type Blobs interface {
	// Put stores b, whose digest it compares first: it fails where that is another.
	Put(ctx context.Context, d catalog.Digest, b []byte) error
	// Get returns the blob, verified. An error that wraps ErrNotFound means
	// that this node does not hold it.
	Get(ctx context.Context, d catalog.Digest) ([]byte, error)
	// Missing returns those of the digests that this node does not hold.
	Missing(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error)
}

// Evidence proves what the ledger recorded.
type Evidence interface {
	// Checkpoint returns a checkpoint of this node's log, signed by as many nodes
	// as the threshold says. An error that wraps ErrForked means that others hold
	// another log; one that wraps ErrUnavailable names the nodes that are missing.
	Checkpoint(ctx context.Context) ([]byte, error)
	// OwnCheckpoint returns one that this node signed alone.
	OwnCheckpoint(ctx context.Context) ([]byte, error)
	// Consistency shows that the first oldSize entries of this node's log are the
	// beginning of the first newSize.
	Consistency(ctx context.Context, oldSize, newSize uint64) (evidence.Consistency, error)
	// Prove returns the text of a receipt of entries, the first of which the
	// principal with that Ed25519 key signed (nil: nobody did).
	Prove(ctx context.Context, key []byte, entries []evidence.Wanted) ([]byte, error)
	// Record returns what the log holds of an entry. An error that wraps
	// ErrNotFound means that there is no such entry.
	Record(ctx context.Context, seq uint64) (evidence.Record, error)
}

// Backups holds the ledger ready for the operators of seats.
type Backups interface {
	// Prepare holds the ledger ready as it is.
	Prepare(ctx context.Context) (wire.Backup, error)
	// Part returns a part of what is held ready. An error that wraps ErrNotFound means that it
	// is not any more.
	Part(ctx context.Context, d catalog.Digest) ([]byte, error)
	// Present takes a checkpoint that somebody has kept, which may be of a past that a restored
	// cluster has lost. An error that wraps ErrNote means that too few nodes have signed it.
	Present(ctx context.Context, note []byte) error
}

// Health tells whether the node works.
type Health interface {
	// Live returns an error when the process should be restarted.
	Live() error
	// Ready reports whether the node can take work, and if not, why.
	Ready() (ok bool, reasons []string)
	// Status returns what operators see.
	Status() wire.Status
}

// BusyError is returned when a caller has to wait: it has taken what it may for now.
type BusyError struct {
	Message string
	Wait    time.Duration
}

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("%s; wait %s", e.Message, e.Wait.Round(time.Second))
}

var (
	// ErrNoQuorum is returned when no majority of nodes can be reached.
	ErrNoQuorum = errors.New("no majority of nodes can be reached")
	// ErrTooFew is returned when fewer nodes can be reached than must sign.
	ErrTooFew = errors.New("too few nodes can be reached")
	// ErrForked is returned when nodes hold different logs.
	ErrForked = errors.New("the nodes' logs differ")
	// ErrTimeout is returned when it is not known whether an envelope was applied.
	ErrTimeout = errors.New("the outcome is not known yet")
	// ErrUnavailable is returned when this node cannot do it and another may.
	ErrUnavailable = errors.New("this node cannot do it now")
	// ErrNote is returned for a checkpoint that is none of this log.
	ErrNote = errors.New("no checkpoint of this log")
	// ErrNotFound is returned when there is no such entry or blob.
	ErrNotFound = errors.New("not found")
)
