package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/snapstream"
)

// Export is one version of this node's state, held open to be written out. It is no part of
// raft's snapshots, so that a backup neither compacts the log nor waits for one.
type Export struct {
	gen  *generation
	read pairs.Reader
	at   position
	root evidence.Hash
}

// Export holds the state as it is now. Release it: while it is held, what later entries replace
// stays on the disk.
func (l *Ledger) Export() (*Export, error) {
	if err := l.life.usable(); err != nil {
		return nil, err
	}
	g, err := l.disk.state.acquire()
	if err != nil {
		return nil, err
	}
	e := &Export{gen: g}
	err = damage.Guard(PartState, func() (err error) {
		e.read = g.store.Read()
		if e.at, err = readPosition(e.read); err != nil {
			return err
		}
		e.root, err = evidence.Root(evidenceReader{e.read}, e.at.NextSeq)
		return err
	})
	if err != nil {
		e.Release()
		return nil, l.life.checked(fmt.Errorf("hold the state to be exported: %w", err))
	}
	return e, nil
}

// Size is how many entries the state has, and Root what their evidence log came to.
func (e *Export) Size() uint64 { return e.at.NextSeq }

// Root is the root of the evidence log of the state's entries.
func (e *Export) Root() [32]byte { return e.root }

// WriteTo writes the state as a stream of package snapstream. A state whose pairs do not add up
// to its digest gets no end.
func (e *Export) WriteTo(w io.Writer) (n int64, err error) {
	err = damage.Guard(PartState, func() error {
		written, err := writeState(w, e.read, 0)
		n = int64(written) //nolint:gosec // the length of a file
		return err
	})
	if err != nil {
		return n, fmt.Errorf("export the state of %d entries: %w", e.at.NextSeq, err)
	}
	return n, nil
}

// Release lets the state go.
func (e *Export) Release() {
	if e.read != nil {
		e.read.Close()
		e.read = nil
		e.gen.release()
	}
}

// Exported says what an exported state is.
type Exported struct {
	Size uint64   // entries
	Root [32]byte // of their evidence log
}

// ErrExport is returned for an exported state that does not follow from its own entries.
var ErrExport = errors.New("the exported state is not what its entries make")

// rebuildBatch is how many entries are applied in one transaction.
const rebuildBatch = 64

// Replay is an exported state beside the one that its entries make when they are applied anew to an
// empty state. Both come to the same only when nobody changed the state after the entries made it, so
// that whoever believes the root needs to believe nobody for the state. It costs what the entries cost
// when they were applied first. Of entries that are shortened it believes the outcome, which is in the
// leaf, and that they were signed; that no entry is shortened but by a later one it checks.
type Replay struct {
	machine      Machine
	stated, anew *appliedState
	short        map[uint64]bool // entries that are shortened, and no entry so far has shortened
}

// OpenReplay reads an exported state into dir, which holds nothing and which the caller removes
// after Close.
func OpenReplay(dir string, r io.Reader, m Machine) (*Replay, error) {
	s, err := openScratch(filepath.Join(dir, "stated"), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if err := s.restore(r, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("read the exported state: %w", err), s.close())
	}
	anew, err := openScratch(filepath.Join(dir, "anew"), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &Replay{m, s, anew, map[uint64]bool{}}, nil
}

func openScratch(dir string, logger *slog.Logger) (*appliedState, error) {
	s, err := openState(stateIn(dir, true, logger), logger)
	if err != nil {
		return nil, fmt.Errorf("open a state to check in: %w", err)
	}
	return s, nil
}

// Close lets both states go.
func (p *Replay) Close() error { return errors.Join(p.stated.close(), p.anew.close()) }

// Run applies all entries, some at a time, and tells seen of each lot: the number of its first
// entry, and what was recorded. View then shows the state after it. An error of seen ends it. What
// entries come to anew has to be what is recorded, and the state at the end the one that was exported.
func (p *Replay) Run(ctx context.Context, seen func(first uint64, lot []evidence.Record) error) (x Exported, err error) {
	x.Size = p.stated.position().NextSeq
	for from := uint64(0); from < x.Size; from += rebuildBatch {
		if err := ctx.Err(); err != nil {
			return x, err
		}
		lot, err := p.apply(from, min(rebuildBatch, x.Size-from))
		if err != nil {
			return x, err
		}
		if err := seen(from, lot); err != nil {
			return x, err
		}
	}
	if len(p.short) > 0 {
		return x, fmt.Errorf("%w: %d entries are shortened that no entry shortens", ErrExport, len(p.short))
	}
	if a, b := p.stated.currentDigest().Sum, p.anew.currentDigest().Sum; a != b {
		return x, fmt.Errorf("%w: the pairs of %d entries add up to another state", ErrExport, x.Size)
	}
	x.Root, err = p.RootAt(x.Size)
	return x, err
}

// apply applies entries that follow each other, and returns what was recorded of them.
func (p *Replay) apply(from, n uint64) (lot []evidence.Record, err error) {
	var logs []*raft.Log
	for seq := from; seq < from+n; seq++ {
		record, err := p.Record(seq)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrExport, err)
		}
		lot = append(lot, record)
		logs = append(logs, &raft.Log{Index: seq + 1, Type: raft.LogCommand, Data: record.Entry})
		if record.Shortened {
			p.short[seq] = true
		}
	}
	results, err := p.anew.applyRecorded(p.machine, logs, lot)
	if err != nil {
		return nil, fmt.Errorf("%w: applying entries %d to %d anew: %w", ErrExport, from, from+n-1, err)
	}
	for i, r := range results {
		if r.void != lot[i].Void || !bytes.Equal(r.applied.Outcome, lot[i].Outcome) {
			return nil, fmt.Errorf("%w: entry %d comes to another outcome than the one recorded", ErrExport, r.applied.Seq)
		}
		for _, seq := range r.shortens {
			delete(p.short, seq)
		}
	}
	return lot, nil
}

// View runs fn on the state that the entries applied so far have made.
func (p *Replay) View(fn func(records.Reader) error) error {
	return p.anew.view(func(r pairs.Reader) error { return fn(machineReader{r}) })
}

// Record returns what is recorded of an entry, checked against its leaf.
func (p *Replay) Record(seq uint64) (rec evidence.Record, err error) {
	err = p.stated.view(func(r pairs.Reader) (err error) {
		rec, err = evidence.ReadRecord(evidenceReader{r}, seq)
		return err
	})
	return rec, err
}

// RootAt returns the root that the evidence log of the exported state had when it had size leaves.
func (p *Replay) RootAt(size uint64) (root [32]byte, err error) {
	if n := p.stated.position().NextSeq; size > n {
		return root, fmt.Errorf("%w: the tree has %d leaves, not %d", ErrNotFound, n, size)
	}
	err = p.stated.view(func(r pairs.Reader) (err error) {
		root, err = evidence.Root(evidenceReader{r}, size)
		return err
	})
	return root, err
}

// ExportedValue finds the value of a machine's key in an exported state; nil where it has none.
func ExportedValue(r io.Reader, key string) (value []byte, err error) {
	want := append([]byte{spaceMachine}, key...)
	_, err = snapstream.Read(r, func(k, v []byte) error {
		if bytes.Equal(k, want) {
			value = bytes.Clone(v)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the exported state: %w", err)
	}
	return value, nil
}
