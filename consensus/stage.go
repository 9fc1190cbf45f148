package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/pending"
)

// Every key of the store begins with the byte of its space, so that no key of
// the state machine can meet one of ours.
const (
	spaceMeta     byte = 0x00
	spaceMachine  byte = 0x01
	spaceEvidence byte = 0x02
)

// stage is the state as the entry now being applied sees it: the store at the
// batch's beginning, over it the changes of the batch's earlier entries, over
// those its own. An entry's changes join the batch's only when it is complete,
// so that the batch can be cut before any entry and never inside one.
type stage struct {
	txn   *badger.Txn
	batch *pending.Layer
	entry *pending.Layer
}

func (s *stage) get(key string) ([]byte, error) {
	if c, ok := s.entry.Changes[key]; ok {
		return c.Now(), nil
	}
	return s.before(key)
}

// before is what get returned when the entry began.
func (s *stage) before(key string) ([]byte, error) {
	if c, ok := s.batch.Changes[key]; ok {
		return c.Now(), nil
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
	changed := pending.Overlay(s.entry.Within(prefix), s.batch.Within(prefix))
	emit := func() error {
		c := changed[0]
		changed = changed[1:]
		if c.Deleted {
			return nil
		}
		return fn([]byte(c.Key), c.Value)
	}
	err := scanTxn(s.txn, []byte(prefix), func(key, value []byte) error {
		for len(changed) > 0 && changed[0].Key < string(key) {
			if err := emit(); err != nil {
				return err
			}
		}
		if len(changed) > 0 && changed[0].Key == string(key) {
			return emit()
		}
		return fn(key, value)
	})
	for err == nil && len(changed) > 0 {
		err = emit()
	}
	return err
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
	return t.put(pending.Change{Key: k, Value: bytes.Clone(value)})
}

func (t machineTx) Delete(key []byte) error {
	k, err := machineKey(key)
	if err != nil {
		return err
	}
	return t.put(pending.Change{Key: k, Deleted: true})
}

// put counts what the entry has changed so far. The count depends on nothing but
// the entry's own changes, so every node comes to the same answer.
func (t machineTx) put(c pending.Change) error {
	e := t.stage.entry
	size, keys := e.Bytes+len(c.Key)+len(c.Value), len(e.Changes)
	if old, ok := e.Changes[c.Key]; ok {
		size -= len(old.Key) + len(old.Value)
	} else {
		keys++
	}
	if size > MaxChangeBytes || keys > MaxChangeKeys {
		return fmt.Errorf("%w: %d bytes in %d keys, allowed are %d in %d",
			ErrTooManyChanges, size, keys, MaxChangeBytes, MaxChangeKeys)
	}
	e.Put(c)
	return nil
}

// evidenceTx is the evidence log's view of the stage.
type evidenceTx struct{ stage *stage }

func (t evidenceTx) Get(key []byte) ([]byte, error) {
	return t.stage.get(string(spaceEvidence) + string(key))
}

func (t evidenceTx) Set(key, value []byte) error {
	t.stage.entry.Put(pending.Change{Key: string(spaceEvidence) + string(key), Value: value})
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
