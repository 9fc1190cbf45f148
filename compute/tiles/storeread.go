package tiles

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
)

// read gives fn the stored bytes of the blobs, which fn must neither change nor
// keep, and nothing may write meanwhile: gate is held. check, where there is
// one, is asked about each blob first.
//
// A bad sector under a mapped file is a SIGBUS, which would end the process; it
// is turned into ErrFault. Badger's lock of that file stays held then, so the
// store is not used again.
func (s *Store) read(digests []catalog.Digest, check func(catalog.Digest, []byte) error, fn func(blobs ...[]byte) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	inBadger := false
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault && !inBadger {
				panic(r) // a bug in fn
			}
			s.broken.Store(true)
			err = fmt.Errorf("%w: %v", ErrFault, r)
		}
	}()
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	blobs := make([][]byte, len(digests))
	for i, d := range digests {
		inBadger = true
		blobs[i], err = fetch(txn, d)
		inBadger = false
		if err == nil && check != nil {
			err = check(d, blobs[i])
		}
		if err != nil {
			s.verified.forget(d)
			return &BlobError{d, err}
		}
	}
	return fn(blobs...)
}

// fetch returns a blob's bytes: a slice of the mapped value log, or a copy of a
// small value. Badger has compared its checksum.
func fetch(txn *badger.Txn, d catalog.Digest) ([]byte, error) {
	item, err := txn.Get(blobKey(d))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var out []byte
	if err := item.Value(func(b []byte) error { out = b; return nil }); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	// Badger logs that a checksum is wrong or a file too short, and returns no
	// value and no error.
	if len(out) == 0 && item.ValueSize() != 0 {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrCorrupt)
	}
	return out, nil
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
// fed in order; an error of add ends it and is returned as it is.
func (s *Store) Accumulate(ctx context.Context, digests []catalog.Digest, add func(tiles ...[]byte) error) error {
	for part := range slices.Chunk(digests, Batch) {
		if err := s.locked(ctx, part, s.verifyOnce, add); err != nil {
			return err
		}
	}
	return nil
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
