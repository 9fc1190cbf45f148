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
		written, err := writeState(w, e.read)
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

// CheckExport reads an exported state into dir, which holds nothing and which the caller removes,
// and applies its entries anew to an empty state. Both come to the same only when nobody changed
// the state after the entries made it, so that whoever believes the root needs to believe nobody
// for the state. It costs what the entries cost when they were applied first.
func CheckExport(ctx context.Context, dir string, r io.Reader, m Machine) (x Exported, err error) {
	s, err := openScratch(filepath.Join(dir, "stated"), slog.New(slog.DiscardHandler))
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.restore(r); err != nil {
		return x, fmt.Errorf("read the exported state: %w", err)
	}
	anew, err := openScratch(filepath.Join(dir, "anew"), slog.New(slog.DiscardHandler))
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, anew.close()) }()
	return rebuild(ctx, s, anew, m)
}

func openScratch(dir string, logger *slog.Logger) (*appliedState, error) {
	s, err := openState(stateIn(dir, true, logger), logger)
	if err != nil {
		return nil, fmt.Errorf("open a state to check in: %w", err)
	}
	return s, nil
}

// rebuild applies the entries of one state to another, empty one, and compares them.
func rebuild(ctx context.Context, s, anew *appliedState, m Machine) (x Exported, err error) {
	x.Size = s.position().NextSeq
	for from := uint64(0); from < x.Size; from += rebuildBatch {
		if err := ctx.Err(); err != nil {
			return x, err
		}
		var logs []*raft.Log
		err := s.view(func(r pairs.Reader) error {
			for seq := from; seq < min(from+rebuildBatch, x.Size); seq++ {
				record, err := evidence.ReadRecord(evidenceReader{r}, seq)
				if err != nil {
					return fmt.Errorf("%w: %w", ErrExport, err)
				}
				logs = append(logs, &raft.Log{Index: seq + 1, Type: raft.LogCommand, Data: record.Entry})
			}
			return nil
		})
		if err != nil {
			return x, err
		}
		if _, err := anew.applyBatch(m, logs); err != nil {
			return x, fmt.Errorf("%w: applying entries %d to %d anew: %w", ErrExport, from, from+uint64(len(logs))-1, err)
		}
	}
	if a, b := s.currentDigest().Sum, anew.currentDigest().Sum; a != b {
		return x, fmt.Errorf("%w: the pairs of %d entries add up to another state", ErrExport, x.Size)
	}
	err = s.view(func(r pairs.Reader) error {
		root, err := evidence.Root(evidenceReader{r}, x.Size)
		x.Root = root
		return err
	})
	return x, err
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
