package attest

import (
	"crypto/ed25519"
	"fmt"
	"math"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
)

// SeatsToRestore is of how many seats the operators have to sign that a cluster goes on from a
// backup, or from what one node has: as many as open results together, and more than half, so that no two restores of one
// cluster go on side by side.
func SeatsToRestore(c catalog.Cluster) int { return max(c.Threshold, len(c.Nodes)/2+1) }

// RestoreSeats verifies the signatures of an order and returns how many seats they are of. Each
// has to be of a seat's operator, and there once.
func RestoreSeats(c catalog.Cluster, b recovery.Restore) (seats int, err error) {
	signed, message := map[string]bool{}, b.Order.SignedBytes()
	for _, s := range b.Signatures {
		if signed[s.Operator] {
			return 0, fmt.Errorf("%.80s has signed twice", s.Operator)
		}
		signed[s.Operator] = true
		of := Seats(c, s.Operator)
		if len(of) == 0 {
			return 0, fmt.Errorf("%.80s has signed and has no seat", s.Operator)
		}
		if key := of[0].Operator; len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, message, s.Signature) {
			return 0, fmt.Errorf("the signature of %s is not of this order", s.Operator)
		}
		seats += len(of)
	}
	return seats, nil
}

// Seats are the seats of an operator, a principal's id.
func Seats(c catalog.Cluster, operator string) []catalog.Node {
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(n catalog.Node) bool { return catalog.PrincipalID(n.Operator) != operator })
}

// CheckRestore returns an error unless the operators of enough seats have signed an order of the
// cluster. Order.Root is compared by whoever has the log.
func CheckRestore(c catalog.Cluster, b recovery.Restore) error {
	if b.Order.Cluster != c.ID {
		return fmt.Errorf("the order is of cluster %s, not of %s", b.Order.Cluster, c.ID)
	}
	seats, err := RestoreSeats(c, b)
	if err != nil {
		return err
	}
	if least := SeatsToRestore(c); seats < least {
		return fmt.Errorf("the operators of %d seats have signed it, and of %d have to", seats, least)
	}
	return nil
}

// Forked reports whether what is presented, of no more entries than the order has, are others than
// those of the order: the proof is that the order's begin with as many that have another root.
func Forked(o recovery.Order, b recovery.Present) bool {
	proof := make(tlog.TreeProof, len(b.Proof))
	for i, h := range b.Proof {
		proof[i] = tlog.Hash(h)
	}
	return b.Size > 0 && b.Size <= o.Size && o.Size <= math.MaxInt64 && b.Own != b.Root &&
		tlog.CheckTree(proof, int64(o.Size), tlog.Hash(o.Root), int64(b.Size), tlog.Hash(b.Own)) == nil //nolint:gosec // bounded
}
