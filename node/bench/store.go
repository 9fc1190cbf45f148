package bench

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus/durable"
)

// stored writes fresh tiles to a store in dir and adds them up from there: first
// as after a start, when their SHA-256 is compared, then as ever after.
func (f *Figures) stored(ctx context.Context, p he.Parameters, e *he.Encryptor, dir string, n int) (err error) {
	dir = filepath.Join(dir, "blobs")
	digests, put, err := fill(ctx, p, e, dir, n)
	if err != nil {
		return err
	}
	s, err := tiles.Open(dir, tiles.StoreOptions{Free: durable.FreeBytes})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	start := time.Now()
	if err := addUp(ctx, p, s, digests); err != nil {
		return err
	}
	first := time.Since(start)
	const passes = 5
	var again fastest
	for range passes {
		start = time.Now()
		if err := addUp(ctx, p, s, digests); err != nil {
			return err
		}
		again.note(start)
	}
	bytes := n * p.PackedTileBytes()
	f.add("store_put_bytes_per_s", float64(bytes)/put.Seconds(), "B/s")
	f.add("store_first_bytes_per_s", float64(bytes)/first.Seconds(), "B/s")
	f.add("store_accumulate_bytes_per_s", again.rate(bytes), "B/s")
	f.add("store_accumulate_values_per_s", again.rate(n*p.Values()), "1/s")
	return nil
}

// fill puts n tiles into a new store and says how long writing and syncing took,
// without encrypting and hashing. The store is closed again: one that has just
// written knows its blobs.
func fill(ctx context.Context, p he.Parameters, e *he.Encryptor, dir string, n int) (digests []catalog.Digest, took time.Duration, err error) {
	s, err := tiles.Open(dir, tiles.StoreOptions{Free: durable.FreeBytes})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	values := readings(p)
	tile := make([]byte, p.PackedTileBytes())
	for range n {
		if err := e.Encrypt(values, tile); err != nil {
			return nil, 0, err
		}
		digest := catalog.Sum(tile)
		digests = append(digests, digest)
		start := time.Now()
		if err := s.Put(ctx, digest, tile); err != nil {
			return nil, 0, err
		}
		took += time.Since(start)
	}
	start := time.Now()
	if err := s.Sync(ctx); err != nil {
		return nil, 0, err
	}
	return digests, took + time.Since(start), nil
}

func addUp(ctx context.Context, p he.Parameters, s *tiles.Store, digests []catalog.Digest) error {
	return s.Accumulate(ctx, digests, he.NewAccumulator(p).Add)
}
