package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/restic/chunker"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

const (
	// dirBackup has, in a node's directory, the streams that are held ready for backups. What is
	// in it at the start is of an earlier run.
	dirBackup = "backup"
	// heldBackups is how many are held ready: two operators make backups side by side. Whose is
	// pushed out begins anew, and has what it has copied.
	heldBackups = 2
	// heldFor is for how long one is held ready that nobody reads.
	heldFor = time.Hour
	// cutPolynomial decides where a stream is cut (restic/chunker). It is no secret, and never
	// changes: with another one every backup would copy the whole ledger once more.
	cutPolynomial = chunker.Pol(0x3DA3358B4DC173)
	// backupStep is how many bytes are written between two looks at the free space.
	backupStep = 16 << 20
)

// backups holds the ledger ready for operators who make backups.
type backups struct {
	*core
	access      *access
	checkpoints *checkpoints

	turn chan struct{} // has room for one: one is prepared at a time

	mu   sync.Mutex
	held []*heldBackup // the newest last
}

// heldBackup is a stream of the ledger in a file, and where its parts are in it.
type heldBackup struct {
	wire.Backup
	file  *os.File
	parts map[catalog.Digest]span
	used  time.Time // by whoever fetches it
}

type span struct{ at, bytes int64 }

var _ api.Backups = (*backups)(nil)

// open removes what an earlier run held ready.
func (b *backups) open() error {
	dir := filepath.Join(b.opts.Dir, dirBackup)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove what was held ready for backups: %w", err)
	}
	return os.MkdirAll(dir, 0o700)
}

// close lets go of what is held ready.
func (b *backups) close() error {
	return b.release(0)
}

func (h *heldBackup) drop() error { return errors.Join(h.file.Close(), os.Remove(h.file.Name())) }

// Prepare implements api.Backups. The checkpoint is of exactly the entries that the stream has,
// so that whoever restores it has what a threshold of nodes signed, and nothing else.
func (b *backups) Prepare(ctx context.Context) (wire.Backup, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return wire.Backup{}, ctx.Err()
	}
	export, signed, err := b.signedExport(ctx)
	if err != nil {
		return wire.Backup{}, err
	}
	defer export.Release()
	h := &heldBackup{
		Backup: wire.Backup{Size: export.Size(), Root: catalog.Digest(export.Root()), Checkpoint: string(signed)},
		parts:  map[catalog.Digest]span{},
	}
	err = b.view(func(v state.View) error {
		changes, err := v.RosterChanges()
		// The roster is that of the entries in the stream, and not of later ones.
		h.Roster = attest.Entries(slices.DeleteFunc(changes, func(x roster.Change) bool { return x.Seq >= export.Size() }))
		return err
	})
	if err != nil {
		return wire.Backup{}, err
	}
	if h.Blobs, err = b.blobs.Named(ctx, b.opts.Clock()); err != nil {
		return wire.Backup{}, fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	if err := b.release(heldBackups - 1); err != nil {
		return wire.Backup{}, err
	}
	if h.file, err = os.CreateTemp(filepath.Join(b.opts.Dir, dirBackup), "ledger-"); err != nil {
		return wire.Backup{}, fmt.Errorf("hold the ledger ready: %w", err)
	}
	if err := b.fill(ctx, h, export); err != nil {
		return wire.Backup{}, errors.Join(err, h.drop())
	}
	return h.Backup, b.hold(h)
}

// signedExport holds the state of as many entries as enough nodes sign a checkpoint of. On a
// busy log they may have signed a larger one meanwhile, and it takes the state anew.
func (b *backups) signedExport(ctx context.Context) (*consensus.Export, []byte, error) {
	for range maxGathers {
		export, err := b.ledger.Export()
		if err != nil {
			return nil, nil, err
		}
		signed, size, err := b.checkpoints.gather(ctx, export.Size())
		if err == nil && size == export.Size() {
			return export, signed, nil
		}
		export.Release()
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("%w: the log grows faster than a moment of it is signed; try again", api.ErrUnavailable)
}

// fill writes the stream and finds its parts.
func (b *backups) fill(ctx context.Context, h *heldBackup, export *consensus.Export) error {
	if _, err := export.WriteTo(&roomWriter{ctx: ctx, b: b, out: h.file}); err != nil {
		return err
	}
	if _, err := h.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the ledger that is held ready: %w", err)
	}
	cut, buf := chunker.New(h.file, cutPolynomial), make([]byte, chunker.MaxSize)
	for {
		c, err := cut.Next(buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cut the ledger into parts: %w", err)
		}
		p := wire.BackupPart{Digest: catalog.Sum(c.Data), Bytes: int64(c.Length)}
		h.Ledger = append(h.Ledger, p)
		h.parts[p.Digest] = span{int64(c.Start), p.Bytes} //nolint:gosec // below the length of a file
	}
}

// hold keeps a backup ready.
func (b *backups) hold(h *heldBackup) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.used = b.opts.Clock()
	b.held = append(b.held, h)
	return nil
}

// release lets go of the oldest until at most so many are held.
func (b *backups) release(most int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for len(b.held) > most {
		errs = append(errs, b.held[0].drop())
		b.held = b.held[1:]
	}
	return errors.Join(errs...)
}

// releaseIdle lets go of what nobody has read for long.
func (b *backups) releaseIdle() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	b.held = slices.DeleteFunc(b.held, func(h *heldBackup) bool {
		idle := b.opts.Clock().Sub(h.used) > heldFor
		if idle {
			errs = append(errs, h.drop())
		}
		return idle
	})
	return errors.Join(errs...)
}

// Part implements api.Backups.
func (b *backups) Part(_ context.Context, d catalog.Digest) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock() // a file that is read is not dropped
	for _, h := range b.held {
		at, ok := h.parts[d]
		if !ok {
			continue
		}
		h.used = b.opts.Clock()
		part := make([]byte, at.bytes)
		if _, err := h.file.ReadAt(part, at.at); err != nil {
			return nil, fmt.Errorf("read a part of the ledger: %w", err)
		}
		return part, nil
	}
	return nil, fmt.Errorf("part %s of the ledger is not held ready here: %w", d, api.ErrNotFound)
}

// roomWriter stops before the disk is full, since the ledger and the blobs are on it, and when
// nobody waits for the stream any more.
type roomWriter struct {
	ctx     context.Context
	b       *backups
	out     io.Writer
	pending int
}

// Write implements io.Writer.
func (w *roomWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	if w.pending -= len(p); w.pending < 0 {
		w.pending = backupStep
		free := durable.FreeBytes
		if w.b.opts.Free != nil {
			free = w.b.opts.Free
		}
		left, err := free(w.b.opts.Dir)
		if err != nil {
			return 0, err
		}
		least := w.b.opts.MinFreeBytes
		if least == 0 {
			least = consensus.DefaultMinFreeBytes
		}
		if left < least+backupStep {
			return 0, fmt.Errorf("%w: %d bytes of its disk are left and %d are kept free: ask another node, or free some space", api.ErrUnavailable, left, least)
		}
	}
	return w.out.Write(p)
}
