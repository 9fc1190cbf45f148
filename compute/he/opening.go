package he

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
)

// Opening names one use of a key: one accumulator, one active set, one root, in
// one attempt of one query. All randomness of the opening is bound to its
// Context, so no field may be left out of it: a context that served two
// accumulators, sets or roots would give away the key share (PROTOCOL.md section
// 3.2).
type Opening struct {
	Cluster     [32]byte // hash of the cluster's first entry
	Key         string   // key id
	Epoch       uint64   // of the key
	Query       string   // query id, or what else is opened (a version's parity)
	Attempt     int      // of the query
	Plan        [32]byte // digest of group order and all slot maps
	Number      int      // of the accumulator in the plan
	Accumulator [32]byte // digest of the accumulator's bytes
	Active      []int    // points of the active set, sorted, exactly t
	Root        int      // a member of Active
}

// Context returns the hash that contributions are bound to: SHA-256 over a
// label and every field, each with its length.
func (o Opening) Context() [32]byte {
	h := sha256.New()
	field(h, []byte("weir he v1 opening"))
	field(h, o.Cluster[:])
	field(h, []byte(o.Key))
	number(h, o.Epoch)
	field(h, []byte(o.Query))
	number(h, uint64(o.Attempt))
	field(h, o.Plan[:])
	number(h, uint64(o.Number))
	field(h, o.Accumulator[:])
	integers(h, o.Active)
	number(h, uint64(o.Root))
	return [32]byte(h.Sum(nil))
}

func field(h hash.Hash, b []byte) {
	number(h, uint64(len(b)))
	h.Write(b)
}

func number(h hash.Hash, x uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	h.Write(b[:])
}

// integers feeds a list to h, its length before it.
func integers[T int | int32](h hash.Hash, list []T) {
	number(h, uint64(len(list)))
	for _, x := range list {
		number(h, uint64(x))
	}
}

// Check says whether the active set is a sorted list of exactly t distinct
// points of the roster, with the root among them. Lattigo would take the first t
// of any list and not complain.
func (o Opening) Check(p Parameters) error {
	if err := p.check(); err != nil {
		return err
	}
	if len(o.Active) != p.Threshold() {
		return fmt.Errorf("%w: %d members instead of %d", ErrActiveSet, len(o.Active), p.Threshold())
	}
	if !increasing(o.Active, 1, p.Nodes()) {
		return fmt.Errorf("%w: %v is not a sorted list of distinct points of 1..%d", ErrActiveSet, o.Active, p.Nodes())
	}
	if !slices.Contains(o.Active, o.Root) {
		return fmt.Errorf("%w: root %d is not in %v", ErrActiveSet, o.Root, o.Active)
	}
	return nil
}
