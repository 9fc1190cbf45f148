package state

import (
	"bytes"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// What a handler reads and writes of the state, whatever the record: the transaction is all that it takes.

// load reads a record that an envelope names; it is refused, by a code with its arguments,
// when there is none.
func load[T any](r records.Reader, key, code string, args ...any) (T, error) {
	v, known, err := records.Lookup[T](r, key)
	if err == nil && !known {
		err = catalog.Refuse(catalog.RefusedUnknown, "unknown", code, args...)
	}
	return v, err
}

// holds reports whether those bytes are stored under the key: a chunk came again.
func holds(r records.Reader, key string, value []byte) (bool, error) {
	held, err := r.Get([]byte(key))
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return bytes.Equal(held, value), nil
}

// todo adds an index entry of work that is left, or removes it.
func todo(tx records.Tx, left bool, key, value string) error {
	if !left {
		return records.Remove(tx, key)
	}
	return records.PutText(tx, key, value)
}

// vacant refuses, as a conflict with a rule, by a code with its arguments, a key that is
// there already.
func vacant(r records.Reader, key, rule, code string, args ...any) error {
	taken, err := records.Has(r, key)
	if err == nil && taken {
		err = catalog.Conflict(rule, code, args...)
	}
	return err
}

// putParties writes a record's entries in an index by party: one for everybody, and
// one for each party, at the entry's place.
func putParties(tx records.Tx, seq uint64, prefix, id string, parties ...string) error {
	for _, p := range append([]string{""}, parties...) {
		if err := records.PutText(tx, records.OfParty(prefix, p)+records.SeqName(seq), id); err != nil {
			return err
		}
	}
	return nil
}
