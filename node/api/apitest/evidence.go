package apitest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
)

// leaves is an evidence log in memory.
type leaves map[string][]byte

func (l leaves) Get(key []byte) ([]byte, error) { return l[string(key)], nil }

func (l leaves) Set(key, value []byte) error {
	l[string(key)] = value
	return nil
}

// recordLeaf adds an applied entry to the log, and to that of every node that
// has one of its own.
func (c *Cluster) recordLeaf(entry, outcome []byte) (evidence.Hash, error) {
	rec := evidence.Record{Entry: entry, Outcome: outcome}
	for _, n := range c.nodes {
		if n.tree != nil {
			if _, err := evidence.Append(n.tree, c.seq, rec); err != nil {
				return evidence.Hash{}, err
			}
		}
	}
	return evidence.Append(c.tree, c.seq, rec)
}

// Rewrite replaces an entry in one node's log by another, with all hashes made
// to match, as an intruder on that node's disk would.
func (c *Cluster) Rewrite(node int, seq uint64, entry []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	forged := leaves{}
	for i := range c.seq {
		rec, err := evidence.ReadRecord(c.treeOf(c.nodes[node]), i)
		if err != nil {
			return err
		}
		if i == seq {
			rec.Entry = entry
		}
		if _, err := evidence.Append(forged, i, rec); err != nil {
			return err
		}
	}
	c.nodes[node].tree = forged
	return nil
}

// ForgetSigned makes a node forget what it signed, as an intruder who also took
// that from it.
func (c *Cluster) ForgetSigned(node int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.appoint(c.nodes[node])
}

// Fill adds so many entries that mean nothing to the log, as if the cluster had
// run for long.
func (c *Cluster) Fill(entries int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range entries {
		if _, err := evidence.Append(c.tree, c.seq, evidence.Record{Void: true}); err != nil {
			return err
		}
		c.seq++
	}
	return nil
}

func (c *Cluster) treeOf(n *node) leaves {
	if n.tree != nil {
		return n.tree
	}
	return c.tree
}

func (c *Cluster) appoint(n *node) (err error) {
	n.notary, err = evidence.NewNotary(evidence.Origin(c.ID().String()), n.ID, n.signing, nodeTree{c, n}, &signedLast{}, time.Now)
	return err
}

// signedLast remembers in memory what a node signed.
type signedLast struct{ b []byte }

func (s *signedLast) Load() ([]byte, error) { return s.b, nil }

func (s *signedLast) Save(b []byte) error {
	s.b = b
	return nil
}

// nodeTree is a node's log. The cluster's lock is held by whoever uses it.
type nodeTree struct {
	cluster *Cluster
	node    *node
}

func (t nodeTree) Size() (uint64, error) { return t.cluster.seq, nil }

func (t nodeTree) RootAt(size uint64) (evidence.Hash, error) {
	return evidence.Root(t.cluster.treeOf(t.node), size)
}

func (t nodeTree) Record(seq uint64) (evidence.Record, error) {
	if seq >= t.cluster.seq {
		return evidence.Record{}, fmt.Errorf("entry %d: %w", seq, api.ErrNotFound)
	}
	return evidence.ReadRecord(t.cluster.treeOf(t.node), seq)
}

func (t nodeTree) Proof(seq, size uint64) (evidence.Proof, error) {
	return evidence.Prove(t.cluster.treeOf(t.node), seq, size)
}

// witness is one node's evidence. It implements api.Evidence.
type witness struct{ nodeTree }

var _ api.Evidence = witness{}

// gather has as many nodes sign as the threshold says, this one first. The lock
// is held.
func (w witness) gather() (evidence.Checkpoint, []byte, error) {
	own, lines, err := w.node.notary.Sign(0)
	if err != nil {
		return own, nil, forked(err)
	}
	signed, voices := lines, 1
	for _, n := range w.cluster.nodes {
		if n == w.node || voices == w.cluster.record.Threshold {
			continue
		}
		c, lines, err := n.notary.Sign(own.Size)
		if err == nil && c == own {
			signed = append(append([]byte(nil), signed...), lines...)
			voices++
		}
	}
	if voices < w.cluster.record.Threshold {
		return own, nil, fmt.Errorf("%w: %s is alone with its log of %d entries", api.ErrForked, w.node.ID, own.Size)
	}
	return own, evidence.Assemble(own, signed), nil
}

func forked(err error) error {
	if errors.Is(err, evidence.ErrRewritten) {
		return fmt.Errorf("%w: %w", api.ErrForked, err)
	}
	return err
}

// Checkpoint implements api.Evidence.
func (w witness) Checkpoint(context.Context) ([]byte, error) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	_, signed, err := w.gather()
	return signed, err
}

// OwnCheckpoint implements api.Evidence.
func (w witness) OwnCheckpoint(context.Context) ([]byte, error) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	c, lines, err := w.node.notary.Sign(0)
	if err != nil {
		return nil, forked(err)
	}
	return evidence.Assemble(c, lines), nil
}

// Consistency implements api.Evidence.
func (w witness) Consistency(_ context.Context, oldSize, newSize uint64) (evidence.Consistency, error) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	if oldSize < 1 || oldSize > newSize || newSize > w.cluster.seq {
		return nil, fmt.Errorf("entries %d to %d: %w", oldSize, newSize, api.ErrNotFound)
	}
	return evidence.ProveConsistency(w.cluster.treeOf(w.node), oldSize, newSize)
}

// Prove implements api.Evidence.
func (w witness) Prove(_ context.Context, key []byte, entries []evidence.Wanted) ([]byte, error) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	c, signed, err := w.gather()
	if err != nil {
		return nil, err
	}
	r, err := evidence.NewReceipt(w.nodeTree, signed, c.Size, key, entries)
	if err != nil {
		return nil, err
	}
	return r.Marshal()
}

// Record implements api.Evidence.
func (w witness) Record(_ context.Context, seq uint64) (evidence.Record, error) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	return w.nodeTree.Record(seq)
}
