package tiles

import (
	"context"
	"os"

	"github.com/weirdata/weir/catalog"
)

// WithSegmentBytes makes files so small that tests rotate and collect them.
func (o StoreOptions) WithSegmentBytes(n int64) StoreOptions {
	o.segmentBytes = n
	return o
}

// WithWrite has files written so.
func (o StoreOptions) WithWrite(write func(f *os.File, b []byte, at int64) (int, error)) StoreOptions {
	o.write = write
	return o
}

// WithStep tells how far a write is.
func (o StoreOptions) WithStep(step func(name string)) StoreOptions {
	o.step = step
	return o
}

// View gives fn a blob's bytes in place. fn must neither change nor keep them,
// nor call the store, and should be short: nothing is written meanwhile. The
// SHA-256 is compared if it was not since the store was opened.
func (s *Store) View(ctx context.Context, d catalog.Digest, fn func(b []byte) error) error {
	return s.locked(ctx, []catalog.Digest{d}, s.verifyOnce, func(blobs ...[]byte) error { return fn(blobs[0]) })
}

// Has reports whether a blob is on record (see Missing).
func (s *Store) Has(ctx context.Context, d catalog.Digest) (bool, error) {
	missing, err := s.Missing(ctx, []catalog.Digest{d})
	return err == nil && len(missing) == 0, err
}

// Digest is the digest of Encode, under which the manifest is stored and named
// in the ledger.
func (m Manifest) Digest() (catalog.Digest, error) {
	b, err := m.Encode()
	if err != nil {
		return catalog.Digest{}, err
	}
	return catalog.Sum(b), nil
}
