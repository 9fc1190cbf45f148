package tiles

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"unsafe"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles/segment"
)

// held are blobs that are being read, in place or copied.
type held struct {
	digests []catalog.Digest
	blobs   [][]byte
	release []func()
}

func (h *held) letGo() {
	for _, release := range h.release {
		release()
	}
}

// at says in which of the blobs an address lies.
func (h *held) at(addr uintptr) (d catalog.Digest, in bool) {
	for i, b := range h.blobs {
		if from := uintptr(unsafe.Pointer(unsafe.SliceData(b))); addr >= from && addr-from < uintptr(len(b)) { //nolint:gosec // only compared
			return h.digests[i], true
		}
	}
	return d, false
}

// read gives fn the stored bytes of the blobs, which fn must neither change nor
// keep: gate is held for reading. check, where there is one, is asked about each blob first.
//
// A bad sector under a mapped file, or one that was cut off, is a SIGBUS, which would end the process. Here it is
// an error: ErrCorrupt of the blob that check was reading, ErrHalfRead of one that fn was reading, and ErrFault where it
// happened to badger, whose locks stay held then, so that the store is not used again.
func (s *Store) read(digests []catalog.Digest, check func(catalog.Digest, []byte) error, fn func(blobs ...[]byte) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	h := held{digests: digests}
	defer h.letGo()
	inBadger, fault := false, ErrCorrupt
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		at, is := r.(interface{ Addr() uintptr })
		if is && !inBadger {
			if d, in := h.at(at.Addr()); in {
				s.verified.forget(d)
				err = &BlobError{d, fmt.Errorf("%w: %v", fault, r)}
				return
			}
		}
		if !is && !inBadger {
			panic(r) // a bug in fn
		}
		s.broken.Store(true)
		err = fmt.Errorf("%w: %v", ErrFault, r)
	}()
	for _, d := range digests {
		inBadger = true
		err := s.hold(&h, d)
		inBadger = false
		if err == nil && check != nil {
			err = check(d, h.blobs[len(h.blobs)-1])
		}
		if err != nil {
			s.verified.forget(d)
			return &BlobError{d, err}
		}
	}
	fault = ErrHalfRead
	return fn(h.blobs...)
}

// hold adds a blob to those that are being read.
func (s *Store) hold(h *held, d catalog.Digest) error {
	var before segment.Pointer
	for {
		r, b, err := s.fetch(d)
		if err != nil {
			return err
		}
		if !r.pointed {
			h.blobs = append(h.blobs, b)
			return nil
		}
		b, release, err := s.files.Hold(r.pointer)
		if err == nil {
			h.blobs, h.release = append(h.blobs, b), append(h.release, release)
			return nil
		}
		// Where the blob was moved meanwhile its record says so now.
		if !errors.Is(err, segment.ErrGone) || r.pointer == before {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		before = r.pointer
	}
}

// fetch returns a blob's record, and a copy of its bytes where badger has them. Badger has compared their checksum.
func (s *Store) fetch(d catalog.Digest) (r record, b []byte, err error) {
	err = s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(blobKey(d))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return ErrNotFound
		}
		if err == nil {
			r, err = recordOf(item)
		}
		if err == nil && !r.pointed {
			b, err = item.ValueCopy(nil)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		// Badger logs that a checksum is wrong or a file too short, and returns no
		// value and no error.
		if !r.pointed && len(b) == 0 && item.ValueSize() != 0 {
			return fmt.Errorf("%w: its checksum is wrong", ErrCorrupt)
		}
		return nil
	})
	return r, b, err
}

// verify compares the SHA-256, whatever is remembered.
func (s *Store) verify(d catalog.Digest, b []byte) error {
	if got := catalog.Sum(b); got != d {
		return fmt.Errorf("%w: its bytes have digest %s", ErrCorrupt, got)
	}
	s.verified.add(d)
	return nil
}

// verifyOnce compares the SHA-256 unless that was done since opening.
func (s *Store) verifyOnce(d catalog.Digest, b []byte) error {
	if s.verified.has(d) {
		return nil
	}
	return s.verify(d, b)
}

// Doubt has the SHA-256 of blobs compared when they are read next.
func (s *Store) Doubt(digests ...catalog.Digest) {
	for _, d := range digests {
		s.verified.forget(d)
	}
}

// locked runs read with gate held.
func (s *Store) locked(ctx context.Context, digests []catalog.Digest, check func(catalog.Digest, []byte) error, fn func(...[]byte) error) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("read blobs: %w", err)
	}
	return s.read(digests, check, fn)
}

// Get returns a copy of a blob whose SHA-256 has just been compared.
func (s *Store) Get(ctx context.Context, d catalog.Digest) ([]byte, error) {
	var out []byte
	err := s.locked(ctx, []catalog.Digest{d}, s.verify, func(blobs ...[]byte) error {
		out = append(make([]byte, 0, len(blobs[0])), blobs[0]...)
		return nil
	})
	if errors.Is(err, ErrHalfRead) {
		err = &BlobError{d, fmt.Errorf("%w: %w", ErrCorrupt, err)} // nothing of it was given to anybody
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Verify reads the blobs and compares their SHA-256, whatever is remembered.
// It returns the first fault, a *BlobError.
func (s *Store) Verify(ctx context.Context, digests ...catalog.Digest) error {
	for i := range digests {
		if err := s.locked(ctx, digests[i:i+1], s.verify, func(...[]byte) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// Batch is how many tiles compute/he adds in one pass over the accumulator
// (PROTOCOL.md section 7).
const Batch = 5

// Accumulate feeds the blobs' bytes, in place and in batches of Batch, to add,
// which must neither change nor keep them, nor call the store. Digests are
// fed in order; an error of add ends it and is returned as it is. After ErrHalfRead add did not return,
// and what it was adding up is of no use.
//
// Blobs that were not read since the store was opened are read ahead, a batch at a time.
func (s *Store) Accumulate(ctx context.Context, digests []catalog.Digest, add func(tiles ...[]byte) error) error {
	for part := range slices.Chunk(digests, Batch) {
		digests = digests[len(part):]
		s.readAhead(ctx, digests[:min(Batch, len(digests))])
		if err := s.locked(ctx, part, s.verifyOnce, add); err != nil {
			return err
		}
	}
	return nil
}

// readAhead has the disk read what is needed next while something else is added up.
func (s *Store) readAhead(ctx context.Context, digests []catalog.Digest) {
	fresh := slices.DeleteFunc(slices.Clone(digests), s.verified.has)
	if len(fresh) == 0 {
		return
	}
	_ = s.locked(ctx, fresh, nil, func(blobs ...[]byte) error { // who reads it meets the error
		for _, b := range blobs {
			segment.WillNeed(b)
		}
		return nil
	})
}

// Missing returns the digests that are not on record, in the given order. What
// is on record may still turn out corrupt: Verify says.
func (s *Store) Missing(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("look for missing blobs: %w", err)
	}
	var missing []catalog.Digest
	err := s.db.View(func(txn *badger.Txn) error {
		for _, d := range digests {
			_, err := txn.Get(blobKey(d))
			switch {
			case errors.Is(err, badger.ErrKeyNotFound):
				missing = append(missing, d)
			case err != nil:
				return &BlobError{d, err}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for missing blobs: %w", err)
	}
	return missing, nil
}
