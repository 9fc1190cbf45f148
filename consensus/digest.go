package consensus

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/consensus/statesum"
)

var digestKey = []byte{spaceMeta, 'd'}

// readDigest reads the digest that is stored with a state; known is false in one that was
// written before there were digests, and in an empty one.
func readDigest(txn *badger.Txn) (d statesum.Digest, known bool, err error) {
	b, err := getValue(txn, digestKey)
	if err != nil || b == nil {
		return d, false, err
	}
	d, err = statesum.Decode(b)
	return d, err == nil, damaged(PartState, err)
}

// readSummed reads the position of a state and the digest that is stored with it.
func readSummed(txn *badger.Txn) (p position, d statesum.Digest, err error) {
	if p, err = readPosition(txn); err != nil {
		return p, d, err
	}
	d, _, err = readDigest(txn)
	return p, d, err
}

// sumTxn adds up the pairs of one version of a state. between is called after every pair with
// its bytes, and ends it with an error.
func sumTxn(txn *badger.Txn, between func(bytes int) error) (s statesum.Sum, err error) {
	for _, space := range []byte{spaceMachine, spaceEvidence} {
		err := scanTxn(txn, []byte{space}, func(key, value []byte) error {
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
func ensureDigest(db *badger.DB) error {
	txn := db.NewTransaction(true)
	defer txn.Discard()
	p, err := readPosition(txn)
	if err != nil {
		return err
	}
	_, known, err := readDigest(txn)
	if err != nil || known || p == (position{}) {
		return err
	}
	var d statesum.Digest
	if d.Sum, err = sumTxn(txn, func(int) error { return nil }); err != nil {
		return err
	}
	d.Note(p.NextSeq)
	if err := txn.Set(digestKey, d.Encode()); err != nil {
		return fmt.Errorf("write the state's digest: %w", err)
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("write the state's digest: %w", err)
	}
	return nil
}

// difference is the damage of a state whose pairs do not add up to its digest, or nil.
func difference(at position, stored, found statesum.Sum) error {
	if stored == found {
		return nil
	}
	return damaged(PartState, fmt.Errorf(
		"its pairs add up to %x…, and what %d entries wrote adds up to %x…: some were lost or changed",
		found[3]>>32, at.NextSeq, stored[3]>>32))
}
