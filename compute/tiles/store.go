package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
)

// Keys of the store's badger: one of the format, one a blob.
const (
	storeFormat = 1
	blobPrefix  = 'b'
	// flushPrefix is written and dropped to make badger flush its memtable.
	flushPrefix = 'x'
)

var formatKey = []byte("format")

// Store keeps blobs (tiles, manifests, presences) under their SHA-256, in a
// badger of their own. It is safe for concurrent use.
//
// Reads are in place, from files that badger maps into memory. Badger unmaps
// and remaps a file when it is full, when garbage collection removes it and
// when it is closed, so whoever writes excludes whoever reads: gate. Badger's
// own lock a file would do for one blob at a time, but Accumulate reads five at
// once, and read locks must not be taken again by who holds one.
//
// Every read is compared with the CRC-32C that badger wrote with the value; the
// SHA-256 is compared when a blob is first read after opening, and remembered
// (see verified). Scrub and Get compare it always.
type Store struct {
	dir  string
	o    StoreOptions
	db   *badger.DB
	gate sync.RWMutex

	closed   bool // under gate
	broken   atomic.Bool
	verified *verified
	blobs    atomic.Int64
	bytes    atomic.Int64

	deletions  atomic.Int64 // since blobs were last reclaimed
	reclaiming sync.Mutex   // one Reclaim at a time
	reclaimErr atomic.Pointer[error]
	stop       context.CancelFunc
	collector  sync.WaitGroup
}

// Open opens the store in dir, which it creates, readable by its owner only.
// Exactly one process may have it open.
func Open(dir string, o StoreOptions) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open the blob store: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the blob store: %w", err)
	}
	db, err := badger.Open(badgerOptions(dir, o))
	if err != nil {
		return nil, fmt.Errorf("open the blob store in %s: %w", dir, err)
	}
	s := &Store{dir: dir, o: o, db: db, verified: newVerified(maxVerified)}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the blob store in %s: %w", dir, err), db.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	ticks, stopTicks := o.Ticks(o.GCInterval)
	s.collector.Go(func() {
		defer stopTicks()
		s.collect(ctx, ticks)
	})
	return s, nil
}

// load checks or writes the format, and counts the blobs.
func (s *Store) load() error {
	err := s.db.Update(func(txn *badger.Txn) error {
		item, err := txn.Get(formatKey)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return txn.Set(formatKey, []byte{storeFormat})
		}
		if err != nil {
			return err
		}
		return item.Value(func(b []byte) error {
			if !bytes.Equal(b, []byte{storeFormat}) {
				return fmt.Errorf("%w: %x, want %x", ErrFormat, b, []byte{storeFormat})
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(blobIterator())
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			s.blobs.Add(1)
			s.bytes.Add(it.Item().ValueSize())
		}
		return nil
	})
}

func blobIterator() badger.IteratorOptions {
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	o.Prefix = []byte{blobPrefix}
	return o
}

func blobKey(d catalog.Digest) []byte { return append([]byte{blobPrefix}, d[:]...) }

// Close stops garbage collection and closes the files. After ErrFault it leaves
// them to the end of the process: badger would wait for locks that the fault
// left held.
func (s *Store) Close() error {
	s.stop()
	s.collector.Wait()
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.broken.Load() {
		return fmt.Errorf("close the blob store: %w", ErrFault)
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the blob store: %w", err)
	}
	return nil
}

// usable is called with gate held.
func (s *Store) usable(ctx context.Context) error {
	switch {
	case s.closed:
		return ErrClosed
	case s.broken.Load():
		return ErrFault
	default:
		return ctx.Err()
	}
}

// Put stores b under its digest. Putting a blob again does nothing, unless the
// copy on disk is damaged: then it is replaced. The blob survives the process
// when Put returns, and a power cut after Sync.
func (s *Store) Put(ctx context.Context, d catalog.Digest, b []byte) error {
	if len(b) > s.o.MaxBlob {
		return &BlobError{d, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), s.o.MaxBlob)}
	}
	if got := catalog.Sum(b); got != d {
		return &BlobError{d, fmt.Errorf("%w: the bytes have %s", ErrDigest, got)}
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("store blob %s: %w", d, err)
	}
	known, whole, err := s.holds(d, b)
	if err != nil || whole {
		return err
	}
	if err := s.room(len(b)); err != nil {
		return fmt.Errorf("store blob %s: %w", d, err)
	}
	s.verified.forget(d)
	if err := s.db.Update(func(txn *badger.Txn) error { return txn.Set(blobKey(d), b) }); err != nil {
		return fmt.Errorf("store blob %s: %w", d, err)
	}
	if !known {
		s.blobs.Add(1)
		s.bytes.Add(int64(len(b)))
	}
	return nil
}

// holds reports whether the blob is on record, and whether its bytes are b.
func (s *Store) holds(d catalog.Digest, b []byte) (known, whole bool, err error) {
	err = s.read([]catalog.Digest{d}, nil, func(stored ...[]byte) error {
		whole = bytes.Equal(stored[0], b)
		return nil
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return false, false, nil
	case errors.Is(err, ErrCorrupt):
		return true, false, nil
	default:
		return true, whole, err
	}
}

// room refuses to write to a disk that is nearly full.
func (s *Store) room(n int) error {
	free, err := s.o.Free(s.dir)
	if err != nil {
		return err
	}
	if free < s.o.MinFree+uint64(n) { // #nosec G115 -- a length
		return fmt.Errorf("%w: %d bytes free, writing stops below %d", ErrFull, free, s.o.MinFree)
	}
	return nil
}

// Sync returns when everything put before is on the disk. Call it before
// acknowledging that a version is stored.
func (s *Store) Sync(ctx context.Context) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("sync the blob store: %w", err)
	}
	if err := s.db.Sync(); err != nil {
		return fmt.Errorf("sync the blob store: %w", err)
	}
	return nil
}

// Delete removes blobs; those that are not there are passed over. The space
// comes back with garbage collection.
func (s *Store) Delete(ctx context.Context, digests ...catalog.Digest) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	for _, d := range digests {
		if err := s.usable(ctx); err != nil {
			return fmt.Errorf("delete blob %s: %w", d, err)
		}
		if err := s.remove(d); err != nil {
			return fmt.Errorf("delete blob %s: %w", d, err)
		}
	}
	return nil
}

func (s *Store) remove(d catalog.Digest) error {
	var size int64
	err := s.db.Update(func(txn *badger.Txn) error {
		item, err := txn.Get(blobKey(d))
		if err != nil {
			return err
		}
		size = item.ValueSize()
		return txn.Delete(blobKey(d))
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s.verified.forget(d)
	s.blobs.Add(-1)
	s.bytes.Add(-size)
	s.deletions.Add(1)
	return nil
}
