package consensus

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/pairs"
)

// Every key of the store begins with the byte of its space, so that no key of
// the state machine can meet one of ours.
const (
	spaceMeta     byte = 0x00
	spaceMachine  byte = 0x01
	spaceEvidence byte = 0x02
)

// change is a pending write.
type change = pairs.Change

// valueAfter is a copy of the value that there is after a change, nil when it deletes.
func valueAfter(c change) []byte {
	if c.Deleted {
		return nil
	}
	return append([]byte{}, c.Value...)
}

// layer collects changes that are not in the store yet.
type layer struct {
	changes map[string]change
	bytes   int
	sorted  []change // in key order; nil when stale, never changed in place
}

func newLayer() *layer { return &layer{changes: map[string]change{}} }

func (l *layer) put(c change) {
	if old, ok := l.changes[c.Key]; ok {
		l.bytes -= len(old.Key) + len(old.Value)
	}
	l.changes[c.Key] = c
	l.bytes += len(c.Key) + len(c.Value)
	l.sorted = nil
}

// within returns the changes under prefix, in key order. The slice stays as it
// is whatever is put afterwards.
func (l *layer) within(prefix string) []change {
	if l.sorted == nil {
		byKey := func(a, b change) int { return strings.Compare(a.Key, b.Key) }
		l.sorted = slices.SortedFunc(maps.Values(l.changes), byKey)
	}
	from := sort.Search(len(l.sorted), func(i int) bool { return l.sorted[i].Key >= prefix })
	to := from + sort.Search(len(l.sorted)-from, func(i int) bool {
		return !strings.HasPrefix(l.sorted[from+i].Key, prefix)
	})
	return l.sorted[from:to]
}

// stage is the state as the entry now being applied sees it: the store at the
// batch's beginning, over it the changes of the batch's earlier entries, over
// those its own. An entry's changes join the batch's only when it is complete,
// so that the batch can be cut before any entry and never inside one.
type stage struct {
	read  pairs.Reader
	batch *layer
	entry *layer
}

func (s *stage) get(key string) ([]byte, error) {
	if c, ok := s.entry.changes[key]; ok {
		return valueAfter(c), nil
	}
	return s.before(key)
}

// before is what get returned when the entry began.
func (s *stage) before(key string) ([]byte, error) {
	if c, ok := s.batch.changes[key]; ok {
		return valueAfter(c), nil
	}
	return s.read.Get([]byte(key))
}

// scan calls fn for every key under prefix, in byte order, as the stage was when
// scan was called.
func (s *stage) scan(prefix string, fn func(key, value []byte) error) error {
	pending := overlay(s.entry.within(prefix), s.batch.within(prefix))
	emit := func() error {
		c := pending[0]
		pending = pending[1:]
		if c.Deleted {
			return nil
		}
		return fn([]byte(c.Key), c.Value)
	}
	err := s.read.Walk([]byte(prefix), nil, false, func(key, value []byte) error {
		for len(pending) > 0 && pending[0].Key < string(key) {
			if err := emit(); err != nil {
				return err
			}
		}
		if len(pending) > 0 && pending[0].Key == string(key) {
			return emit()
		}
		return fn(key, value)
	})
	for err == nil && len(pending) > 0 {
		err = emit()
	}
	return err
}

// overlay merges two sorted lists of changes; top wins.
func overlay(top, bottom []change) []change {
	out := make([]change, 0, len(top)+len(bottom))
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

// machineTx is the state machine's view of the stage: its own space, with the
// limits of one entry.
type machineTx struct{ stage *stage }

var _ records.Tx = machineTx{}

func machineKey(key []byte) (string, error) {
	if len(key) == 0 || len(key) > MaxKeyBytes {
		return "", fmt.Errorf("a key of %d bytes, allowed are 1 to %d", len(key), MaxKeyBytes)
	}
	var b strings.Builder
	b.Grow(1 + len(key))
	b.WriteByte(spaceMachine)
	b.Write(key)
	return b.String(), nil
}

func (t machineTx) Get(key []byte) ([]byte, error) {
	k, err := machineKey(key)
	if err != nil {
		return nil, err
	}
	return t.stage.get(k)
}

func (t machineTx) Scan(prefix []byte, fn func(key, value []byte) error) error {
	return t.stage.scan(string(spaceMachine)+string(prefix), func(key, value []byte) error {
		return fn(key[1:], value)
	})
}

func (t machineTx) Set(key, value []byte) error {
	k, err := machineKey(key)
	if err != nil {
		return err
	}
	return t.put(change{Key: k, Value: bytes.Clone(value)})
}

func (t machineTx) Delete(key []byte) error {
	k, err := machineKey(key)
	if err != nil {
		return err
	}
	return t.put(change{Key: k, Deleted: true})
}

// put counts what the entry has changed so far. The count depends on nothing but
// the entry's own changes, so every node comes to the same answer.
func (t machineTx) put(c change) error {
	e := t.stage.entry
	size, keys := e.bytes+len(c.Key)+len(c.Value), len(e.changes)
	if old, ok := e.changes[c.Key]; ok {
		size -= len(old.Key) + len(old.Value)
	} else {
		keys++
	}
	if size > MaxChangeBytes || keys > MaxChangeKeys {
		return fmt.Errorf("%w: %d bytes in %d keys, allowed are %d in %d",
			ErrTooManyChanges, size, keys, MaxChangeBytes, MaxChangeKeys)
	}
	e.put(c)
	return nil
}

// evidenceTx is the evidence log's view of the stage.
type evidenceTx struct{ stage *stage }

func (t evidenceTx) Get(key []byte) ([]byte, error) {
	return t.stage.get(string(spaceEvidence) + string(key))
}

func (t evidenceTx) Set(key, value []byte) error {
	t.stage.entry.put(change{Key: string(spaceEvidence) + string(key), Value: value})
	return nil
}

// machineReader and evidenceReader are the same views of the store alone.
type machineReader struct{ pairs pairs.Reader }

var _ records.Walker = machineReader{}

func (r machineReader) Get(key []byte) ([]byte, error) {
	k, err := machineKey(key)
	if err != nil {
		return nil, err
	}
	return r.pairs.Get([]byte(k))
}

func (r machineReader) Scan(prefix []byte, fn func(key, value []byte) error) error {
	return r.Walk(records.Stretch{Prefix: string(prefix)}, fn)
}

// Walk implements [records.Walker].
func (r machineReader) Walk(s records.Stretch, fn func(key, value []byte) error) error {
	prefix := append([]byte{spaceMachine}, s.Prefix...)
	return r.pairs.Walk(prefix, []byte(s.After), s.Down, func(key, value []byte) error { return fn(key[1:], value) })
}

type evidenceReader struct{ pairs pairs.Reader }

func (r evidenceReader) Get(key []byte) ([]byte, error) {
	return r.pairs.Get(append([]byte{spaceEvidence}, key...))
}
