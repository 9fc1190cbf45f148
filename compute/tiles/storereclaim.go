package tiles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles/segment"
)

// collect moves what an Upgrade left in badger, and then reclaims space at every tick, where something was deleted.
func (x reclaimer) collect(ctx context.Context, ticks <-chan time.Time) {
	reclaim := func() {
		if x.s.deletions.Load() == 0 && !x.s.moves() {
			return
		}
		err := x.run(ctx)
		x.s.reclaimErr.Store(&err)
	}
	if x.s.moves() {
		reclaim()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			reclaim()
		}
	}
}

// moves reports whether badger has large blobs that belong into segment files.
func (s *Store) moves() bool { return !s.old.Load() && s.inBadger.Load() > 0 }

const (
	// reclaimRatio is the share of a file that must be garbage for it to be rewritten.
	reclaimRatio = 0.5
	// fullRatio is the same on a full disk, of badger's files. Blobs are moved from them in the order of their digests, that
	// is, as many from each: where less than half of all find room, no file is half garbage.
	fullRatio = 0.1
	// moveBytes is how much is copied from one sync to the next.
	moveBytes = 64 << 20
	// rewriteFiles is how many segment files are rewritten before they are removed: their blobs take half of
	// DefaultMinFree at most.
	rewriteFiles = 8
)

// Reclaim gives the space of deleted blobs back to the file system, now, and moves large blobs that badger
// has to segment files, unless the store is Old. It runs by itself as well (GCInterval).
//
// A blob that moves is copied and synced before its record changes, and the records are synced before a file is
// removed, so at any moment, after a power cut too, the record leads to a whole copy.
// Reclaim gives the space of deleted blobs back to the file system, now, and moves large blobs that badger
// has to segment files, unless the store is Old. It runs by itself as well (GCInterval).
func (s *Store) Reclaim(ctx context.Context) error { return reclaimer{s}.run(ctx) }

// reclaimer gives space back.
//
// A blob that moves is copied and synced before its record changes, and the records are synced before a file is
// removed, so at any moment, after a power cut too, the record leads to a whole copy.
type reclaimer struct{ s *Store }

// run reclaims what can be reclaimed now.
func (x reclaimer) run(ctx context.Context) error {
	x.s.reclaiming.Lock()
	defer x.s.reclaiming.Unlock()
	before := x.s.deletions.Load()
	for {
		left := x.s.inBadger.Load()
		full := x.moveFromBadger(ctx)
		if full != nil && !errors.Is(full, ErrFull) {
			return fmt.Errorf("move blobs to segment files: %w", full)
		}
		if err := x.rewrite(ctx); err != nil && !errors.Is(err, ErrFull) {
			return fmt.Errorf("reclaim space: %w", err)
		} else if full == nil {
			full = err
		}
		if err := x.reclaimFiles(ctx, full != nil); err != nil {
			return fmt.Errorf("reclaim space: %w", err)
		}
		switch {
		case full == nil:
			x.s.deletions.Add(-before)
			return nil
		case x.s.inBadger.Load() >= left: // nothing was moved, so there is no more room than before
			return fmt.Errorf("reclaim space: %w", full)
		}
	}
}

// reclaimFiles has badger rewrite what is mostly garbage of its value log, and on a full disk what is so in part.
func (x reclaimer) reclaimFiles(ctx context.Context, full bool) error {
	if err := x.settle(ctx); err != nil {
		return err
	}
	ratio := reclaimRatio
	if full {
		ratio = fullRatio
	}
	for {
		err := x.reclaimFile(ctx, ratio)
		if errors.Is(err, badger.ErrNoRewrite) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// moveFromBadger moves the large blobs that badger has. Those that are corrupt stay: whoever reads them is told,
// and the copy that replaces them goes to a segment file.
func (x reclaimer) moveFromBadger(ctx context.Context) error {
	if !x.s.moves() {
		return nil
	}
	return x.move(ctx, x.s.o.MinFree, func(r record) bool { return !r.pointed && r.size >= valueThreshold })
}

// rewrite moves what is left in segment files that are mostly garbage, and removes these: first those in which nothing
// is left, for which there is room on any disk, and then a few at a time.
func (x reclaimer) rewrite(ctx context.Context) error {
	sparse := x.sparse()
	if len(sparse) == 0 {
		return nil
	}
	used := map[uint32]bool{}
	err := x.s.List(ctx, func(d catalog.Digest) error {
		x.s.gate.RLock()
		defer x.s.gate.RUnlock()
		if err := x.s.usable(ctx); err != nil {
			return err
		}
		r, _, err := x.s.record(d)
		if r.pointed {
			used[r.pointer.File] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	var dead, rest []uint32
	for _, number := range sparse {
		if used[number] {
			rest = append(rest, number)
		} else {
			dead = append(dead, number)
		}
	}
	if err := x.removeFiles(ctx, dead); err != nil {
		return err
	}
	for part := range slices.Chunk(rest, rewriteFiles) {
		err := x.move(ctx, x.s.o.MinFree/4, func(r record) bool {
			_, is := slices.BinarySearch(part, r.pointer.File)
			return r.pointed && is
		})
		if err != nil {
			return err
		}
		if err := x.removeFiles(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// removeFiles removes segment files to which no record leads any more.
func (x reclaimer) removeFiles(ctx context.Context, numbers []uint32) error {
	if len(numbers) == 0 {
		return nil
	}
	x.s.step("moved")
	if err := x.settle(ctx); err != nil { // and not badger's Sync, which passes over memtables that are being flushed
		return err
	}
	x.s.step("synced")
	x.s.gate.RLock()
	defer x.s.gate.RUnlock()
	if err := x.s.usable(ctx); err != nil {
		return err
	}
	for _, number := range numbers {
		if err := x.s.files.Remove(number); err != nil {
			return err
		}
	}
	return nil
}

// sparse lists the segment files that are mostly garbage. What is put meanwhile is waited for: a blob that is in
// one of them, and not on record yet, would not be moved.
func (x reclaimer) sparse() []uint32 {
	x.s.writing.Lock()
	defer x.s.writing.Unlock()
	return x.s.files.Sparse(reclaimRatio)
}

// move copies all blobs whose records are chosen to the end of the segment files, where at least so many bytes stay free.
func (x reclaimer) move(ctx context.Context, least uint64, chosen func(record) bool) error {
	var copies []moved
	bytes := 0
	err := x.s.List(ctx, func(d catalog.Digest) error {
		c, is, err := x.copyOf(ctx, d, least, chosen)
		if err != nil || !is {
			return err
		}
		copies = append(copies, c)
		if bytes += int(c.to.Length); bytes < moveBytes {
			return nil
		}
		err = x.lead(ctx, copies)
		copies, bytes = nil, 0
		return err
	})
	return errors.Join(err, x.lead(ctx, copies))
}

// moved is a copy of a blob that its record does not lead to yet.
type moved struct {
	d    catalog.Digest
	from record
	to   segment.Pointer
}

// copyOf copies a blob, if its record is chosen and it can be read.
func (x reclaimer) copyOf(ctx context.Context, d catalog.Digest, least uint64, chosen func(record) bool) (c moved, is bool, err error) {
	x.s.gate.RLock()
	defer x.s.gate.RUnlock()
	if err := x.s.usable(ctx); err != nil {
		return c, false, err
	}
	r, known, err := x.s.record(d)
	if err != nil || !known || !chosen(r) {
		return c, false, err
	}
	if err := x.s.room(int(r.size), least); err != nil {
		return c, false, err
	}
	c = moved{d: d, from: r}
	err = x.s.read([]catalog.Digest{d}, x.s.verify, func(blobs ...[]byte) (err error) {
		c.to, err = x.s.append(blobs[0])
		return err
	})
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrHalfRead) {
		return c, false, nil
	}
	return c, err == nil, err
}

// lead syncs copies and has the records of their blobs lead to them, but for those that changed meanwhile. Copies to which
// none leads are forgotten, whatever ends it: they are garbage.
func (x reclaimer) lead(ctx context.Context, copies []moved) error {
	led := 0
	defer func() {
		for _, c := range copies[led:] {
			x.s.files.Forget(c.to)
		}
	}()
	if len(copies) == 0 {
		return nil
	}
	x.s.gate.RLock()
	defer x.s.gate.RUnlock()
	if err := x.s.usable(ctx); err != nil {
		return err
	}
	if err := x.s.files.Sync(); err != nil {
		return err
	}
	x.s.step("copied")
	x.s.writing.Lock()
	defer x.s.writing.Unlock()
	for _, c := range copies {
		now, known, err := x.s.record(c.d)
		if err != nil {
			return err
		}
		if known && now == c.from {
			entry := badger.NewEntry(blobKey(c.d), c.to.Encode()).WithMeta(metaPointer)
			if err := x.s.replace(c.d, record{size: int64(c.to.Length), pointed: true, pointer: c.to}, entry); err != nil {
				return err
			}
		} else {
			x.s.files.Forget(c.to)
		}
		if led++; led == 1 {
			x.s.step("led")
		}
	}
	return nil
}

// settle makes badger notice what was deleted: it counts a file's garbage only
// when it compacts, and with keys as few as ours a memtable would not be
// flushed for weeks. Dropping a prefix flushes it.
func (x reclaimer) settle(ctx context.Context) error {
	x.s.gate.Lock()
	defer x.s.gate.Unlock()
	if err := x.s.usable(ctx); err != nil {
		return err
	}
	if err := x.s.flush(); err != nil {
		return err
	}
	return x.s.db.Flatten(1)
}

// flush has badger write its memtables to tables on the disk. Nobody writes meanwhile.
func (s *Store) flush() error {
	mark := []byte{flushPrefix}
	if err := s.db.Update(func(txn *badger.Txn) error { return txn.Set(mark, nil) }); err != nil {
		return err
	}
	return s.db.DropPrefix(mark)
}

// reclaimFile has badger rewrite a file of its value log, of the time before there were segment files.
func (x reclaimer) reclaimFile(ctx context.Context, ratio float64) error {
	x.s.gate.Lock()
	defer x.s.gate.Unlock()
	if err := x.s.usable(ctx); err != nil {
		return err
	}
	return x.s.db.RunValueLogGC(ratio)
}
