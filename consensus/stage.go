package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog/records"
)

// Every key of the store begins with the byte of its space, so that no key of
// the state machine can meet one of ours.
const (
	spaceMeta     byte = 0x00
	spaceMachine  byte = 0x01
	spaceEvidence byte = 0x02
)

// change is a pending write.
type change struct {
	key     string
	value   []byte
	deleted bool
}

// now is a copy of the value that there is after the change, nil when it deletes.
func (c change) now() []byte {
	if c.deleted {
		return nil
	}
	return append([]byte{}, c.value...)
}

// layer collects changes that are not in the store yet.
type layer struct {
	changes map[string]change
	bytes   int
	sorted  []change // in key order; nil when stale, never changed in place
}

func newLayer() *layer { return &layer{changes: map[string]change{}} }

func (l *layer) put(c change) {
	if old, ok := l.changes[c.key]; ok {
		l.bytes -= len(old.key) + len(old.value)
	}
	l.changes[c.key] = c
	l.bytes += len(c.key) + len(c.value)
	l.sorted = nil
}

// within returns the changes under prefix, in key order. The slice stays as it
// is whatever is put afterwards.
func (l *layer) within(prefix string) []change {
	if l.sorted == nil {
		byKey := func(a, b change) int { return strings.Compare(a.key, b.key) }
		l.sorted = slices.SortedFunc(maps.Values(l.changes), byKey)
	}
	from := sort.Search(len(l.sorted), func(i int) bool { return l.sorted[i].key >= prefix })
	to := from + sort.Search(len(l.sorted)-from, func(i int) bool {
		return !strings.HasPrefix(l.sorted[from+i].key, prefix)
	})
	return l.sorted[from:to]
}

// stage is the state as the entry now being applied sees it: the store at the
// batch's beginning, over it the changes of the batch's earlier entries, over
// those its own. An entry's changes join the batch's only when it is complete,
// so that the batch can be cut before any entry and never inside one.
type stage struct {
	txn   *badger.Txn
	batch *layer
	entry *layer
}

func (s *stage) get(key string) ([]byte, error) {
	if c, ok := s.entry.changes[key]; ok {
		return c.now(), nil
	}
	return s.before(key)
}

// before is what get returned when the entry began.
func (s *stage) before(key string) ([]byte, error) {
	if c, ok := s.batch.changes[key]; ok {
		return c.now(), nil
	}
	return getValue(s.txn, []byte(key))
}

// getValue reads one key: nil when there is none, an empty slice for an empty
// value.
func getValue(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, storeError("read a key of the store", err)
	}
	v, err := item.ValueCopy([]byte{})
	if err != nil {
		return nil, storeError("read a value of the store", err)
	}
	return v, nil
}

// scan calls fn for every key under prefix, in byte order, as the stage was when
// scan was called.
func (s *stage) scan(prefix string, fn func(key, value []byte) error) error {
	pending := overlay(s.entry.within(prefix), s.batch.within(prefix))
	emit := func() error {
		c := pending[0]
		pending = pending[1:]
		if c.deleted {
			return nil
		}
		return fn([]byte(c.key), c.value)
	}
	err := scanTxn(s.txn, []byte(prefix), func(key, value []byte) error {
		for len(pending) > 0 && pending[0].key < string(key) {
			if err := emit(); err != nil {
				return err
			}
		}
		if len(pending) > 0 && pending[0].key == string(key) {
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
		case top[0].key < bottom[0].key:
			out, top = append(out, top[0]), top[1:]
		case top[0].key > bottom[0].key:
			out, bottom = append(out, bottom[0]), bottom[1:]
		default:
			out, top, bottom = append(out, top[0]), top[1:], bottom[1:]
		}
	}
	return append(append(out, top...), bottom...)
}

// scanTxn iterates the store alone. An error of fn is returned as it is.
func scanTxn(txn *badger.Txn, prefix []byte, fn func(key, value []byte) error) error {
	return walkTxn(txn, prefix, nil, false, fn)
}

// walkTxn is scanTxn from behind the key prefix+after on, or from the last key before
// it down; an empty after is none.
func walkTxn(txn *badger.Txn, prefix, after []byte, down bool, fn func(key, value []byte) error) error {
	opts := badger.DefaultIteratorOptions
	opts.Prefix = prefix
	opts.PrefetchSize = 16
	opts.Reverse = down
	it := txn.NewIterator(opts)
	defer it.Close()
	start := append(bytes.Clone(prefix), after...)
	from := start
	if down && len(after) == 0 {
		from = append(start, 0xff) // greater than any name: they are UTF-8
	}
	for it.Seek(from); it.ValidForPrefix(prefix); it.Next() {
		item := it.Item()
		if len(after) > 0 && bytes.Equal(item.Key(), start) {
			continue
		}
		// fn's error must come out unwrapped and the store's wrapped, and
		// Value returns both.
		var fnErr error
		err := item.Value(func(value []byte) error {
			fnErr = fn(item.Key(), value)
			return nil
		})
		if err != nil {
			return storeError("read a value of the store", err)
		}
		if fnErr != nil {
			return fnErr
		}
	}
	return nil
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
	return t.put(change{key: k, value: bytes.Clone(value)})
}

func (t machineTx) Delete(key []byte) error {
	k, err := machineKey(key)
	if err != nil {
		return err
	}
	return t.put(change{key: k, deleted: true})
}

// put counts what the entry has changed so far. The count depends on nothing but
// the entry's own changes, so every node comes to the same answer.
func (t machineTx) put(c change) error {
	e := t.stage.entry
	size, keys := e.bytes+len(c.key)+len(c.value), len(e.changes)
	if old, ok := e.changes[c.key]; ok {
		size -= len(old.key) + len(old.value)
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
	t.stage.entry.put(change{key: string(spaceEvidence) + string(key), value: value})
	return nil
}

// machineReader and evidenceReader are the same views of the store alone.
type machineReader struct{ txn *badger.Txn }

var _ records.Walker = machineReader{}

func (r machineReader) Get(key []byte) ([]byte, error) {
	k, err := machineKey(key)
	if err != nil {
		return nil, err
	}
	return getValue(r.txn, []byte(k))
}

func (r machineReader) Scan(prefix []byte, fn func(key, value []byte) error) error {
	return r.Walk(records.Stretch{Prefix: string(prefix)}, fn)
}

// Walk implements [records.Walker].
func (r machineReader) Walk(s records.Stretch, fn func(key, value []byte) error) error {
	prefix := append([]byte{spaceMachine}, s.Prefix...)
	return walkTxn(r.txn, prefix, []byte(s.After), s.Down, func(key, value []byte) error { return fn(key[1:], value) })
}

type evidenceReader struct{ txn *badger.Txn }

func (r evidenceReader) Get(key []byte) ([]byte, error) {
	return getValue(r.txn, append([]byte{spaceEvidence}, key...))
}
