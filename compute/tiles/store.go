package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles/segment"
)

// Keys of the store's badger: one of the format, one a blob.
const (
	// storeFormat 2 has large blobs in segment files. In format 1, which Open takes as well, they
	// are badger's own values; Upgrade moves them.
	storeFormat    = 2
	storeFormatOld = 1
	blobPrefix     = 'b'
	// metaPointer marks a value that is a segment.Pointer. Others are the blob itself.
	metaPointer = 1
	// flushPrefix is written and dropped to make badger flush its memtable.
	flushPrefix = 'x'
)

var formatKey = []byte("format")

// Store keeps blobs (tiles, manifests, presences) under their SHA-256: small ones in a badger of their own,
// large ones in segment files of the same directory, of which badger says where each lies. It is safe for concurrent use.
//
// Large blobs are read in place, from files that stay mapped while somebody reads them: nothing that is
// written moves or unmaps them. The SHA-256 is compared when a blob is first read after opening, and
// remembered (see verified); later reads cost what reading memory does. Scrub, Verify and Get compare it
// always, and Doubt has it compared again.
//
// Files of a mapping may fail under a reader. While the store compares a digest that is ErrCorrupt; later it is
// ErrHalfRead. In badger's own files it is ErrFault.
type Store struct {
	dir   string
	o     StoreOptions
	db    *badger.DB
	files *segment.Files

	// gate is held for reading by everybody, and for writing by Close and by who has badger collect its files.
	gate    sync.RWMutex
	writing sync.Mutex // a blob's record changes; taken after gate

	closed   bool // under gate
	broken   atomic.Bool
	verified *verified
	blobs    atomic.Int64
	bytes    atomic.Int64
	old      atomic.Bool  // the format is storeFormatOld, until Upgrade
	inBadger atomic.Int64 // large blobs that badger has

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
		reclaimer{s}.collect(ctx, ticks)
	})
	return s, nil
}

// load reads or writes the format, counts the blobs, and opens the segment files.
func (s *Store) load() error {
	if err := s.db.Update(s.loadFormat); err != nil {
		return err
	}
	var pointers []segment.Pointer
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(blobIterator())
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			r, err := recordOf(it.Item())
			if err != nil {
				return err
			}
			if r.pointed {
				pointers = append(pointers, r.pointer)
			} else if r.size >= valueThreshold {
				s.inBadger.Add(1)
			}
			s.blobs.Add(1)
			s.bytes.Add(r.size)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// What follows removes files to which no record leads. Records of a process that was killed must be on the disk then, or
	// a power cut brings those back that led to the files.
	if err := s.flush(); err != nil {
		return err
	}
	s.step("flushed")
	s.files, err = segment.Open(s.dir, pointers, segment.Options{FileBytes: s.o.segmentBytes, Write: s.o.write})
	return err
}

func (s *Store) loadFormat(txn *badger.Txn) error {
	item, err := txn.Get(formatKey)
	if errors.Is(err, badger.ErrKeyNotFound) {
		format := byte(storeFormat)
		if s.o.Old {
			format = storeFormatOld
		}
		s.old.Store(s.o.Old)
		return txn.Set(formatKey, []byte{format})
	}
	if err != nil {
		return err
	}
	b, err := item.ValueCopy(nil)
	switch {
	case err != nil:
		return err
	case bytes.Equal(b, []byte{storeFormatOld}):
		s.old.Store(true)
	case !bytes.Equal(b, []byte{storeFormat}):
		return fmt.Errorf("%w: %x, want %x or %x", ErrFormat, b, []byte{storeFormatOld}, []byte{storeFormat})
	}
	return nil
}

// Old reports whether the store has the format before segment files, which programs that know no others read.
func (s *Store) Old() bool { return s.old.Load() }

// Upgrade has the store keep large blobs in segment files from now on, and moves those there that badger has. What
// it did not move before ctx ended, or the disk was full, the timer of garbage collection moves.
func (s *Store) Upgrade(ctx context.Context) error {
	if err := s.setFormat(ctx); err != nil {
		return fmt.Errorf("upgrade the blob store: %w", err)
	}
	return s.Reclaim(ctx)
}

func (s *Store) setFormat(ctx context.Context) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.usable(ctx); err != nil || !s.old.Load() {
		return err
	}
	if err := s.db.Update(func(txn *badger.Txn) error { return txn.Set(formatKey, []byte{storeFormat}) }); err != nil {
		return err
	}
	// A record of a blob in a segment file never is on the disk before the format that has such.
	if err := s.db.Sync(); err != nil {
		return err
	}
	s.old.Store(false)
	return nil
}

// record is what badger has of a blob.
type record struct {
	size    int64
	pointed bool // to a segment file; else badger has the bytes
	pointer segment.Pointer
}

func recordOf(item *badger.Item) (r record, err error) {
	if item.UserMeta() != metaPointer {
		return record{size: item.ValueSize()}, nil
	}
	err = item.Value(func(b []byte) error {
		r.pointer, err = segment.DecodePointer(b)
		return err
	})
	if err != nil {
		return record{}, fmt.Errorf("read where a blob lies: %w", err)
	}
	return record{size: int64(r.pointer.Length), pointed: true, pointer: r.pointer}, nil
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
		return fmt.Errorf("close the blob store: %w", errors.Join(ErrFault, s.files.Close()))
	}
	if err := errors.Join(s.files.Close(), s.db.Close()); err != nil {
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
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("store blob %s: %w", d, err)
	}
	whole, err := s.holds(d, b)
	if err != nil || whole {
		return err
	}
	if err := s.room(len(b), s.o.MinFree); err != nil {
		return fmt.Errorf("store blob %s: %w", d, err)
	}
	if err := s.put(d, b); err != nil {
		return fmt.Errorf("store blob %s: %w", d, err)
	}
	return nil
}

// put writes a blob, and its record when the blob is written. writing is held.
func (s *Store) put(d catalog.Digest, b []byte) error {
	r, entry := record{size: int64(len(b))}, badger.NewEntry(blobKey(d), b)
	if len(b) >= valueThreshold && !s.old.Load() {
		p, err := s.append(b)
		if err != nil {
			return err
		}
		r.pointed, r.pointer = true, p
		entry = badger.NewEntry(blobKey(d), p.Encode()).WithMeta(metaPointer)
	}
	s.step("written")
	s.verified.forget(d)
	if err := s.replace(d, r, entry); err != nil {
		if r.pointed {
			s.files.Forget(r.pointer)
		}
		return err
	}
	s.step("recorded")
	return nil
}

// append writes a large blob's bytes.
func (s *Store) append(b []byte) (segment.Pointer, error) {
	p, err := s.files.Append(b)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	return p, err
}

// replace writes a blob's record, or deletes it where entry is nil, and counts. writing is held.
func (s *Store) replace(d catalog.Digest, r record, entry *badger.Entry) error {
	old, known, err := s.record(d)
	if err != nil || !known && entry == nil {
		return err
	}
	err = s.db.Update(func(txn *badger.Txn) error {
		if entry == nil {
			return txn.Delete(blobKey(d))
		}
		return txn.SetEntry(entry)
	})
	if err != nil {
		return err
	}
	if known {
		s.blobs.Add(-1)
		s.bytes.Add(-old.size)
		s.deletions.Add(1)
		if old.pointed {
			s.files.Forget(old.pointer)
		} else if old.size >= valueThreshold {
			s.inBadger.Add(-1)
		}
	}
	if entry != nil {
		s.blobs.Add(1)
		s.bytes.Add(r.size)
		if !r.pointed && r.size >= valueThreshold {
			s.inBadger.Add(1)
		}
	}
	return nil
}

// record returns what badger has of a blob.
func (s *Store) record(d catalog.Digest) (r record, known bool, err error) {
	err = s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(blobKey(d))
		if err == nil {
			r, err = recordOf(item)
		}
		return err
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return record{}, false, nil
	}
	return r, err == nil, err
}

// step tells tests how far a write is.
func (s *Store) step(name string) {
	if s.o.step != nil {
		s.o.step(name)
	}
}

// holds reports whether the blob is on record, with the bytes b.
func (s *Store) holds(d catalog.Digest, b []byte) (whole bool, err error) {
	err = s.read([]catalog.Digest{d}, nil, func(stored ...[]byte) error {
		whole = bytes.Equal(stored[0], b)
		return nil
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrHalfRead) {
		return false, nil
	}
	return whole, err
}

// room refuses to write n bytes to a disk that has not least more.
func (s *Store) room(n int, least uint64) error {
	free, err := s.o.Free(s.dir)
	if err != nil {
		return err
	}
	if free < least+uint64(n) { // #nosec G115 -- a length
		return fmt.Errorf("%w: %d bytes free, writing stops below %d", ErrFull, free, least)
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
	// The blobs first: a record that outlives a power cut leads to bytes that do.
	if err := errors.Join(s.files.Sync(), s.db.Sync()); err != nil {
		return fmt.Errorf("sync the blob store: %w", err)
	}
	return nil
}

// Delete removes blobs; those that are not there are passed over. The space
// comes back with garbage collection.
func (s *Store) Delete(ctx context.Context, digests ...catalog.Digest) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
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
	s.writing.Lock()
	defer s.writing.Unlock()
	s.verified.forget(d)
	return s.replace(d, record{}, nil)
}
