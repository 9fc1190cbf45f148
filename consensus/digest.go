package consensus

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/statesum"
)

var digestKey = []byte{spaceMeta, 'd'}

// readDigest reads the digest that is stored with a state; known is false in one that was
// written before there were digests, and in an empty one.
func readDigest(r pairs.Reader) (d statesum.Digest, known bool, err error) {
	b, err := r.Get(digestKey)
	if err != nil || b == nil {
		return d, false, err
	}
	d, err = statesum.Decode(b)
	return d, err == nil, damage.Of(PartState, err)
}

// readSummed reads the position of a state and the digest that is stored with it.
func readSummed(r pairs.Reader) (p position, d statesum.Digest, err error) {
	if p, err = readPosition(r); err != nil {
		return p, d, err
	}
	d, _, err = readDigest(r)
	return p, d, err
}

// sumPairs adds up the pairs of one version of a state. between is called after every pair with
// its bytes, and ends it with an error.
func sumPairs(r pairs.Reader, between func(bytes int) error) (s statesum.Sum, err error) {
	for _, space := range []byte{spaceMachine, spaceEvidence} {
		err := r.Walk([]byte{space}, nil, false, func(key, value []byte) error {
			s.Add(key, value)
			return between(len(key) + len(value))
		})
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// ensureDigest gives a state that was written before there were digests its digest.
func ensureDigest(store pairs.Store) error {
	r := store.Read()
	defer r.Close()
	p, err := readPosition(r)
	if err != nil {
		return err
	}
	_, known, err := readDigest(r)
	if err != nil || known || p == (position{}) {
		return err
	}
	var d statesum.Digest
	if d.Sum, err = sumPairs(r, func(int) error { return nil }); err != nil {
		return err
	}
	d.Note(p.NextSeq)
	changes := []pairs.Change{{Key: string(digestKey), Value: d.Encode()}}
	if err := store.Write(slices.Values(changes)); err != nil {
		return fmt.Errorf("write the state's digest: %w", err)
	}
	return nil
}

// difference is the damage of a state whose pairs do not add up to its digest, or nil.
func difference(at position, stored, found statesum.Sum) error {
	if stored == found {
		return nil
	}
	return damage.Of(PartState, fmt.Errorf(
		"its pairs add up to %x…, and what %d entries wrote adds up to %x…: some were lost or changed",
		found[3]>>32, at.NextSeq, stored[3]>>32))
}
