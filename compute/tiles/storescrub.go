package tiles

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
)

// scrubPage is how many keys a scrub lists at a time: an iterator that stays
// open keeps badger from removing files.
const scrubPage = 512

// Scrub reads every blob, compares its SHA-256, and calls fn with the outcome:
// nil, or a *BlobError around ErrCorrupt. fn may call the store (to repair),
// wait (to pace the scrub), and end it with an error, which is returned. Blobs
// put or deleted meanwhile may or may not be met.
func (s *Store) Scrub(ctx context.Context, fn func(d catalog.Digest, fault error) error) error {
	return s.List(ctx, func(d catalog.Digest) error {
		err := s.Verify(ctx, d)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil // deleted since it was listed
		case err != nil && !errors.Is(err, ErrCorrupt):
			return fmt.Errorf("scrub the blob store: %w", err)
		}
		return fn(d, err)
	})
}

// List calls fn with every blob's digest, in ascending order, without reading the blob.
// fn may call the store, and ends the listing with an error, which is returned. Blobs put
// or deleted meanwhile may or may not be met.
func (s *Store) List(ctx context.Context, fn func(d catalog.Digest) error) error {
	var after []byte
	for {
		page, err := s.page(ctx, after)
		if err != nil {
			return fmt.Errorf("list the blob store: %w", err)
		}
		for _, d := range page {
			if err := fn(d); err != nil {
				return err
			}
		}
		if len(page) < scrubPage {
			return nil
		}
		after = append(blobKey(page[len(page)-1]), 0)
	}
}

// page lists the digests from the key after on.
func (s *Store) page(ctx context.Context, after []byte) ([]catalog.Digest, error) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	var page []catalog.Digest
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(blobIterator())
		defer it.Close()
		if after == nil {
			after = []byte{blobPrefix}
		}
		for it.Seek(after); it.Valid() && len(page) < scrubPage; it.Next() {
			key := it.Item().Key()
			if len(key) != 1+len(catalog.Digest{}) {
				return fmt.Errorf("%w: a key of %d bytes", ErrFormat, len(key))
			}
			page = append(page, catalog.Digest(key[1:]))
		}
		return nil
	})
	return page, err
}

// Stats is what the store holds and how it fares.
type Stats struct {
	Blobs   int64  // on record
	Bytes   int64  // of them; a few bytes a blob too many or too few
	Free    uint64 // on the file system
	MinFree uint64 // below which Put refuses
	Moving  int64  // large blobs that badger has still, as before there were segment files
	Broken  bool   // after ErrFault
	Reclaim error  // of the last garbage collection that the timer started
}

// Stats returns the store's figures.
func (s *Store) Stats() (Stats, error) {
	free, err := s.o.Free(s.dir)
	st := Stats{Blobs: s.blobs.Load(), Bytes: s.bytes.Load(), Free: free, MinFree: s.o.MinFree, Moving: s.inBadger.Load(), Broken: s.broken.Load()}
	if p := s.reclaimErr.Load(); p != nil {
		st.Reclaim = *p
	}
	return st, err
}
