package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
)

var _ api.Evidence = (*checkpoints)(nil)

// Receipt finds an entry in the evidence log: its leaf hash and what the state
// machine recorded.
func (cp *checkpoints) Receipt(_ context.Context, seq uint64) (api.Receipt, error) {
	return cp.receipt(seq)
}

func (c *core) receipt(seq uint64) (api.Receipt, error) {
	r := api.Receipt{Seq: seq, Index: seq}
	record, err := c.record(seq)
	if err != nil {
		return r, err
	}
	leaf, err := record.Leaf()
	if err != nil {
		return r, fmt.Errorf("read entry %d: %w", seq, err)
	}
	r.Leaf = catalog.Digest(leaf)
	if record.Void {
		return r, nil
	}
	if err := json.Unmarshal(record.Outcome, &r.Outcome); err != nil {
		return r, fmt.Errorf("read entry %d: %w", seq, err)
	}
	return r, nil
}

// Record returns what the evidence log holds of an entry.
func (cp *checkpoints) Record(_ context.Context, seq uint64) (evidence.Record, error) {
	return cp.record(seq)
}

func (c *core) record(seq uint64) (evidence.Record, error) {
	record, err := c.ledger.Record(seq)
	if errors.Is(err, consensus.ErrNotFound) {
		return record, fmt.Errorf("read entry %d: %w", seq, api.ErrNotFound)
	}
	return record, evidenceError(err)
}

// Checkpoint returns the head of this node's log, signed by as many nodes as the
// threshold says.
func (cp *checkpoints) Checkpoint(ctx context.Context) ([]byte, error) {
	signed, _, err := cp.gather(ctx, cp.ledger.NextSeq())
	return signed, err
}

// OwnCheckpoint returns the head of this node's log, signed by this node.
func (cp *checkpoints) OwnCheckpoint(context.Context) ([]byte, error) {
	c, lines, err := cp.notary.Load().Sign(0)
	if err != nil {
		return nil, evidenceError(err)
	}
	return evidence.Assemble(c, lines), nil
}

// Consistency shows that one size of this node's log is the beginning of another.
func (cp *checkpoints) Consistency(_ context.Context, oldSize, newSize uint64) (evidence.Consistency, error) {
	if oldSize < 1 || oldSize > newSize {
		return nil, fmt.Errorf("%d entries do not begin a log of %d: %w", oldSize, newSize, api.ErrNotFound)
	}
	proof, err := cp.ledger.Consistency(oldSize, newSize)
	return proof, evidenceError(err)
}

// Prove returns the text of a receipt of entries of this node's log.
func (cp *checkpoints) Prove(ctx context.Context, key []byte, entries []evidence.Wanted) ([]byte, error) {
	var least uint64
	for _, e := range entries {
		least = max(least, e.Seq+1)
	}
	signed, size, err := cp.gather(ctx, least)
	if err != nil {
		return nil, err
	}
	r, err := evidence.NewReceipt(cp.ledger, signed, size, key, entries)
	if err != nil {
		return nil, evidenceError(err)
	}
	return r.Marshal()
}
