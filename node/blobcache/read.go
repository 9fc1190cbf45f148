package blobcache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// Get returns a blob, from wherever it is, whose SHA-256 has just been compared.
func (s *Store) Get(ctx context.Context, d catalog.Digest) ([]byte, error) {
	content, err := s.Local.Get(ctx, d)
	if err == nil {
		s.used(d)
		return content, nil
	}
	if !lacking(err) || !s.index.has(d) {
		return nil, err
	}
	return s.fetch(ctx, d)
}

// lacking reports whether an error says that the disk has no sound copy of a blob.
func lacking(err error) bool {
	_, blob := errors.AsType[*tiles.BlobError](err)
	return blob && (errors.Is(err, tiles.ErrNotFound) || errors.Is(err, tiles.ErrCorrupt))
}

// used notes that blobs on the disk were used.
func (s *Store) used(digests ...catalog.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range digests {
		s.unused.Get(d)
	}
}

// fetch reads a blob from the object store, compares it, and keeps it on the disk where that has
// room. Who asks for one that is on its way waits for that.
func (s *Store) fetch(ctx context.Context, d catalog.Digest) ([]byte, error) {
	arrives := s.fetching.DoChan(string(d[:]), func() (content any, err error) {
		// Whoever asked first may go away; the others still want it.
		err = s.whileOpen(func(life context.Context) (err error) {
			content, err = s.read(life, d)
			if err == nil {
				err = s.keep(life, d, content.([]byte)) //nolint:forcetypeassert // of read
			}
			return err
		})
		return content, err
	})
	select {
	case got := <-arrives:
		if got.Err != nil {
			return nil, got.Err
		}
		return got.Val.([]byte), nil //nolint:forcetypeassert // of read
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read reads a blob from the object store, and compares it.
func (s *Store) read(ctx context.Context, d catalog.Digest) ([]byte, error) {
	content, err := s.Objects.Get(ctx, objectName(d), tiles.DefaultMaxBlob)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// It is repaired from other nodes, and uploaded again.
		return nil, errors.Join(&tiles.BlobError{Digest: d, Err: tiles.ErrNotFound}, s.index.remove(d))
	case err != nil:
		return nil, fmt.Errorf("read blob %s: %w: %w", d, ErrUnreachable, err)
	}
	if got := catalog.Sum(content); got != d {
		fault := fmt.Errorf("%w: %s has bytes with digest %s", tiles.ErrCorrupt, s.Objects, got)
		return nil, errors.Join(&tiles.BlobError{Digest: d, Err: fault}, s.index.remove(d))
	}
	return content, nil
}

// keep puts what came from the object store onto the disk. Without room there it is only read.
func (s *Store) keep(ctx context.Context, d catalog.Digest, content []byte) error {
	err := s.makeRoom(ctx, len(content))
	if err == nil {
		err = s.Local.Put(ctx, d, content)
	}
	if errors.Is(err, tiles.ErrFull) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep blob %s: %w", d, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unused.Add(d, struct{}{})
	return nil
}

// Verify compares the blobs' SHA-256: on the disk, and of those that are not there in the object
// store. It takes no room from blobs that are used: only a damaged copy is replaced.
func (s *Store) Verify(ctx context.Context, digests ...catalog.Digest) error {
	for _, d := range digests {
		err := s.Local.Verify(ctx, d)
		if lacking(err) && s.index.has(d) {
			if errors.Is(err, tiles.ErrCorrupt) {
				_, err = s.fetch(ctx, d)
			} else {
				_, err = s.read(ctx, d)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Scrub reads every blob, on the disk or else from the object store, and calls fn with the outcome,
// as tiles.Store does. An object store that cannot be reached ends it.
func (s *Store) Scrub(ctx context.Context, fn func(d catalog.Digest, fault error) error) error {
	return s.List(ctx, func(d catalog.Digest) error {
		err := s.Verify(ctx, d)
		switch {
		case errors.Is(err, tiles.ErrNotFound):
			return nil // deleted meanwhile, or lost: what is lost is looked for elsewhere
		case err != nil && !errors.Is(err, tiles.ErrCorrupt):
			return fmt.Errorf("scrub the blobs: %w", err)
		}
		return fn(d, err)
	})
}

// Doubt has the SHA-256 of blobs compared when they are read next.
func (s *Store) Doubt(digests ...catalog.Digest) { s.Local.Doubt(digests...) }

// Old reports whether the disk has the format before segment files.
func (s *Store) Old() bool { return s.Local.Old() }

// Upgrade has the disk keep blobs in segment files.
func (s *Store) Upgrade(ctx context.Context) error { return s.Local.Upgrade(ctx) }

// What is read ahead of what is added: so many blobs, so many at a time.
const (
	ahead   = 32
	fetches = 8
)

// Accumulate feeds the blobs to add, in order and in batches, as tiles.Store does. Those that
// are not on the disk are on their way meanwhile.
func (s *Store) Accumulate(ctx context.Context, digests []catalog.Digest, add func(tiles ...[]byte) error) error {
	absent, err := s.Local.Missing(ctx, digests)
	if err != nil {
		return err
	}
	done, stop := s.readAhead(ctx, digests, absent)
	defer stop()
	for part := range slices.Chunk(digests, tiles.Batch) {
		if err := s.accumulate(ctx, part, add); err != nil {
			return err
		}
		done(len(part))
	}
	return nil
}

func (s *Store) accumulate(ctx context.Context, part []catalog.Digest, add func(tiles ...[]byte) error) error {
	err := s.Local.Accumulate(ctx, part, add)
	if err == nil {
		s.used(part...)
	}
	if !lacking(err) { // where the disk failed under add, what it was adding up is of no use: tiles.ErrHalfRead
		return err
	}
	blobs := make([][]byte, len(part))
	for i, d := range part {
		if blobs[i], err = s.Get(ctx, d); err != nil {
			return err
		}
	}
	return add(blobs...)
}

// readAhead fetches what is absent, at most ahead blobs before what done was told of. What fails is met by
// who needs it. stop ends it, and returns when it has ended.
func (s *Store) readAhead(ctx context.Context, digests, absent []catalog.Digest) (done func(blobs int), stop func()) {
	if len(absent) == 0 {
		return func(int) {}, func() {}
	}
	away := make(map[catalog.Digest]bool, len(absent))
	for _, d := range absent {
		away[d] = true
	}
	ctx, cancel := context.WithCancel(ctx)
	free := make(chan struct{}, len(digests)+ahead)
	done = func(blobs int) {
		for range blobs {
			free <- struct{}{}
		}
	}
	done(min(ahead, len(digests)))
	var g errgroup.Group
	g.SetLimit(fetches + 1)
	g.Go(func() error {
		for _, d := range digests {
			select {
			case <-ctx.Done():
				return nil
			case <-free:
			}
			if away[d] && s.index.has(d) {
				delete(away, d)
				g.Go(func() error { _, _ = s.fetch(ctx, d); return nil }) // who needs it meets the error
			}
		}
		return nil
	})
	return done, func() { cancel(); _ = g.Wait() } // nothing of it fails
}
