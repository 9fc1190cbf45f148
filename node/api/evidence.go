package api

import (
	"context"
	"errors"

	"github.com/weirdata/weir/consensus/evidence"
)

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

// ErrForked is returned when nodes hold different logs.
var ErrForked = errors.New("the nodes' logs differ")
