package consensus

import (
	"bytes"
	"fmt"
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

// stage is the state as the entry now being applied sees it: the store at the
// batch's beginning, over it the changes of the batch's earlier entries, over
// those its own. An entry's changes join the batch's only when it is complete,
// so that the batch can be cut before any entry and never inside one.
type stage struct {
	read  *pairs.Draft
	batch *pairs.Layer
	entry *pairs.Layer
}

// get returns a value that nobody may change.
func (s *stage) get(key string) (value []byte, there bool, err error) {
	if c, ok := s.entry.Changes[key]; ok {
		return c.Value, !c.Deleted, nil
	}
	return s.before(key)
}

// before is what get returned when the entry began. What is read of the evidence log is hardly read again: the next
// entries are over other leaves.
func (s *stage) before(key string) (value []byte, there bool, err error) {
	if c, ok := s.batch.Changes[key]; ok {
		return c.Value, !c.Deleted, nil
	}
	value, err = s.read.Peek(key, key[0] != spaceEvidence)
	return value, value != nil, err
}

// scan calls fn for every key under prefix, in byte order, as the stage was when
// scan was called.
func (s *stage) scan(prefix string, fn func(key, value []byte) error) error {
	pending := pairs.Overlay(s.entry.Within(prefix), s.batch.Within(prefix))
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
	value, there, err := t.stage.get(k)
	if err != nil || !there {
		return nil, err
	}
	return append([]byte{}, value...), nil
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

// Get returns what package evidence does not change; it stores no empty values.
func (t evidenceTx) Get(key []byte) ([]byte, error) {
	value, _, err := t.stage.get(string(spaceEvidence) + string(key))
	return value, err
}

func (t evidenceTx) Set(key, value []byte) error {
	t.stage.entry.Put(change{Key: string(spaceEvidence) + string(key), Value: value})
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
