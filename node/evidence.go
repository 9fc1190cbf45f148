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

// Receipt finds an entry in the evidence log: its leaf hash and what the state
// machine recorded. It is not signed yet.
func (n *Node) Receipt(_ context.Context, seq uint64) (api.Receipt, error) {
	r := api.Receipt{Seq: seq, Index: seq}
	entry, outcome, err := n.ledger.Entry(seq)
	if errors.Is(err, consensus.ErrNotFound) {
		return r, fmt.Errorf("entry %d: %w", seq, api.ErrNotFound)
	}
	if err != nil {
		return r, err
	}
	record, err := evidence.Record{Void: len(outcome) == 0, Entry: entry, Outcome: outcome}.Encode()
	if err != nil {
		return r, fmt.Errorf("entry %d: %w", seq, err)
	}
	r.Leaf = catalog.Digest(evidence.LeafHash(record))
	if len(outcome) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(outcome, &r.Outcome); err != nil {
		return r, fmt.Errorf("entry %d: %w", seq, err)
	}
	return r, nil
}
