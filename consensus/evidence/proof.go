package evidence

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrProof is returned when a proof does not lead to the root it claims.
var ErrProof = errors.New("evidence proof does not hold")

// Proof is the audit path of a leaf (RFC 6962, section 2.1.1).
type Proof = tlog.RecordProof

// Consistency shows that one tree is the beginning of another (RFC 6962,
// section 2.1.2).
type Consistency = tlog.TreeProof

// Prove returns the path from leaf seq to the root of the tree of size leaves.
func Prove(r Reader, seq, size uint64) (Proof, error) {
	n, t, err := treeInts(seq, size)
	if err != nil {
		return nil, err
	}
	if n >= t {
		return nil, fmt.Errorf("prove leaf %d: the tree of %d leaves does not have it", seq, size)
	}
	p, err := tlog.ProveRecord(t, n, hashReader{r})
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d in a tree of %d: %w", seq, size, err)
	}
	return p, nil
}

// ProveConsistency shows that the first oldSize leaves of the tree of newSize
// leaves are the tree of oldSize leaves. oldSize is at least 1: the empty tree
// is the beginning of every tree.
func ProveConsistency(r Reader, oldSize, newSize uint64) (Consistency, error) {
	o, n, err := treeInts(oldSize, newSize)
	if err != nil {
		return nil, err
	}
	if o < 1 || o > n {
		return nil, fmt.Errorf("prove consistency: %d is not between 1 and %d", oldSize, newSize)
	}
	p, err := tlog.ProveTree(n, o, hashReader{r})
	if err != nil {
		return nil, fmt.Errorf("prove that %d leaves begin a tree of %d: %w", oldSize, newSize, err)
	}
	return p, nil
}

// Check verifies that the leaf with hash leaf is number seq of the tree with
// that size and root. It needs no store.
func Check(p Proof, seq, size uint64, root, leaf Hash) error {
	n, t, err := treeInts(seq, size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if err := tlog.CheckRecord(p, t, root, n, leaf); err != nil {
		return fmt.Errorf("%w: leaf %d of %d: %w", ErrProof, seq, size, err)
	}
	return nil
}

// CheckConsistency verifies that the tree (oldSize, oldRoot) is the beginning of
// the tree (newSize, newRoot). It needs no store.
func CheckConsistency(p Consistency, oldSize uint64, oldRoot Hash, newSize uint64, newRoot Hash) error {
	o, n, err := treeInts(oldSize, newSize)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if err := tlog.CheckTree(p, n, newRoot, o, oldRoot); err != nil {
		return fmt.Errorf("%w: %d leaves as the beginning of %d: %w", ErrProof, oldSize, newSize, err)
	}
	return nil
}
