package pairs

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// After is a copy of the value that there is after a change, nil when it deletes.
func (c Change) After() []byte {
	if c.Deleted {
		return nil
	}
	return append([]byte{}, c.Value...)
}

// Layer collects changes that are not in the store yet.
type Layer struct {
	Changes map[string]Change
	Bytes   int      // of keys and values
	sorted  []Change // in key order; nil when stale, never changed in place
}

// NewLayer is empty.
func NewLayer() *Layer { return &Layer{Changes: map[string]Change{}} }

// Clear takes all changes out, to be used again.
func (l *Layer) Clear() {
	const most = 256 // to empty a map takes as long as it once was large
	if len(l.Changes) > most {
		l.Changes = map[string]Change{}
	}
	clear(l.Changes)
	l.Bytes, l.sorted = 0, nil
}

// Put takes a change in place of an earlier one of its key.
func (l *Layer) Put(c Change) {
	if old, ok := l.Changes[c.Key]; ok {
		l.Bytes -= len(old.Key) + len(old.Value)
	}
	l.Changes[c.Key] = c
	l.Bytes += len(c.Key) + len(c.Value)
	l.sorted = nil
}

// Within returns the changes under prefix, in key order. The slice stays as it
// is whatever is put afterwards.
func (l *Layer) Within(prefix string) []Change {
	if l.sorted == nil {
		byKey := func(a, b Change) int { return strings.Compare(a.Key, b.Key) }
		l.sorted = slices.SortedFunc(maps.Values(l.Changes), byKey)
	}
	from := sort.Search(len(l.sorted), func(i int) bool { return l.sorted[i].Key >= prefix })
	to := from + sort.Search(len(l.sorted)-from, func(i int) bool {
		return !strings.HasPrefix(l.sorted[from+i].Key, prefix)
	})
	return l.sorted[from:to]
}

// Overlay merges two sorted lists of changes; top wins.
func Overlay(top, bottom []Change) []Change {
	out := make([]Change, 0, len(top)+len(bottom))
	for len(top) > 0 && len(bottom) > 0 {
		switch {
		case top[0].Key < bottom[0].Key:
			out, top = append(out, top[0]), top[1:]
		case top[0].Key > bottom[0].Key:
			out, bottom = append(out, bottom[0]), bottom[1:]
		default:
			out, top, bottom = append(out, top[0]), top[1:], bottom[1:]
		}
	}
	return append(append(out, top...), bottom...)
}
