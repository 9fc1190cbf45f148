package catalog

import (
	"bytes"
	"slices"
	"strings"
)

// Memory is a Tx in memory, for tests of this package and of its users. It is
// not safe for concurrent use.
type Memory struct {
	keys   []string // ascending
	values map[string][]byte
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{values: map[string][]byte{}} }

var (
	_ Tx     = (*Memory)(nil)
	_ Walker = (*Memory)(nil)
)

// Get implements Reader.
func (m *Memory) Get(key []byte) ([]byte, error) { return bytes.Clone(m.values[string(key)]), nil }

// Scan implements Reader. fn must not write to the store.
func (m *Memory) Scan(prefix []byte, fn func(key, value []byte) error) error {
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
func (m *Memory) Walk(s Stretch, fn func(key, value []byte) error) error {
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
func (m *Memory) Set(key, value []byte) error {
	k := string(key)
	if i, found := slices.BinarySearch(m.keys, k); !found {
		m.keys = slices.Insert(m.keys, i, k)
	}
	m.values[k] = append(make([]byte, 0, len(value)), value...)
	return nil
}

// Delete implements Tx.
func (m *Memory) Delete(key []byte) error {
	k := string(key)
	if i, found := slices.BinarySearch(m.keys, k); found {
		m.keys = slices.Delete(m.keys, i, i+1)
		delete(m.values, k)
	}
	return nil
}

// Clone returns an independent copy.
func (m *Memory) Clone() *Memory {
	c := &Memory{keys: slices.Clone(m.keys), values: make(map[string][]byte, len(m.keys))}
	for _, k := range m.keys {
		c.values[k] = bytes.Clone(m.values[k])
	}
	return c
}

// Keys returns all keys in ascending order.
func (m *Memory) Keys() []string { return slices.Clone(m.keys) }

// Digest is a hash of all keys and values.
func (m *Memory) Digest() Digest {
	h := newRowsHash()
	for _, k := range m.keys {
		h.add([][]string{{k, string(m.values[k])}})
	}
	return h.sum()
}
