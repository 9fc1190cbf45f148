// Package memstore keeps records in memory, for tests of what reads and writes them.
package memstore

import (
	"bytes"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/tables"
)

// Store is a records.Tx in memory. It is not safe for concurrent use.
type Store struct {
	keys   []string // ascending
	values map[string][]byte
}

// New returns an empty store.
func New() *Store { return &Store{values: map[string][]byte{}} }

var (
	_ records.Tx     = (*Store)(nil)
	_ records.Walker = (*Store)(nil)
)

// Get implements Reader.
func (m *Store) Get(key []byte) ([]byte, error) { return bytes.Clone(m.values[string(key)]), nil }

// Scan implements Reader. fn must not write to the store.
func (m *Store) Scan(prefix []byte, fn func(key, value []byte) error) error {
	i, _ := slices.BinarySearch(m.keys, string(prefix))
	for _, k := range m.keys[i:] {
		if !strings.HasPrefix(k, string(prefix)) {
			break
		}
		if err := fn([]byte(k), m.values[k]); err != nil {
			return err
		}
	}
	return nil
}

// Walk implements Walker. fn must not write to the store.
func (m *Store) Walk(s records.Stretch, fn func(key, value []byte) error) error {
	from, _ := slices.BinarySearch(m.keys, s.Prefix)
	to := from
	for to < len(m.keys) && strings.HasPrefix(m.keys[to], s.Prefix) {
		to++
	}
	keys := slices.Clone(m.keys[from:to])
	if s.After != "" {
		at, found := slices.BinarySearch(keys, s.Prefix+s.After)
		switch {
		case s.Down:
			keys = keys[:at]
		case found:
			keys = keys[at+1:]
		default:
			keys = keys[at:]
		}
	}
	if s.Down {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if err := fn([]byte(k), m.values[k]); err != nil {
			return err
		}
	}
	return nil
}

// Set implements Tx.
func (m *Store) Set(key, value []byte) error {
	k := string(key)
	if i, found := slices.BinarySearch(m.keys, k); !found {
		m.keys = slices.Insert(m.keys, i, k)
	}
	m.values[k] = append(make([]byte, 0, len(value)), value...)
	return nil
}

// Delete implements Tx.
func (m *Store) Delete(key []byte) error {
	k := string(key)
	if i, found := slices.BinarySearch(m.keys, k); found {
		m.keys = slices.Delete(m.keys, i, i+1)
		delete(m.values, k)
	}
	return nil
}

// Clone returns an independent copy.
func (m *Store) Clone() *Store {
	c := &Store{keys: slices.Clone(m.keys), values: make(map[string][]byte, len(m.keys))}
	for _, k := range m.keys {
		c.values[k] = bytes.Clone(m.values[k])
	}
	return c
}

// Keys returns all keys in ascending order.
func (m *Store) Keys() []string { return slices.Clone(m.keys) }

// Digest is a hash of all keys and values.
func (m *Store) Digest() catalog.Digest {
	rows := make([][]string, len(m.keys))
	for i, k := range m.keys {
		rows[i] = []string{k, string(m.values[k])}
	}
	return tables.RowsDigest(rows)
}
