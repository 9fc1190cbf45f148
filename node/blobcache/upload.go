package blobcache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// Names in an object store: one of whose it is, one a blob. Two characters of the digest are a
// directory, for stores that are directories.
const (
	ownerName   = "node"
	blobsPrefix = "blobs/"
)

func objectName(d catalog.Digest) string { return blobsPrefix + d.String()[:2] + "/" + d.String()[2:] }

// parseName is objectName's inverse.
func parseName(name string) (d catalog.Digest, ok bool) {
	d, err := catalog.ParseDigest(strings.ReplaceAll(strings.TrimPrefix(name, blobsPrefix), "/", ""))
	return d, err == nil && objectName(d) == name
}

// uploadedAlready lists what the object store has of this node, and takes it where it is nobody's.
func (s *Store) uploadedAlready(ctx context.Context) (digests []catalog.Digest, err error) {
	owner, err := s.Objects.Get(ctx, ownerName, 1<<10)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = s.Objects.Put(ctx, ownerName, []byte(s.Node))
	case err == nil && string(owner) != s.Node:
		return nil, fmt.Errorf("%w: %s has the blobs of node %q, and this is %q: give each node a prefix of its own", ErrForeign, s.Objects, owner, s.Node)
	}
	if err == nil {
		err = s.Objects.List(ctx, blobsPrefix, func(name string) error {
			if d, ok := parseName(name); ok {
				digests = append(digests, d)
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return digests, nil
}

// Uploads at a time, and pauses after those that fail.
const (
	uploads  = 4
	minPause = time.Second
	maxPause = time.Minute
)

func (s *Store) wake() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// upload uploads what waits until ctx ends.
func (s *Store) upload(ctx context.Context) {
	pause := minPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.due:
		}
		for s.uploadWaiting(ctx) != nil {
			if s.Pause(ctx, pause) != nil {
				return
			}
			pause = min(2*pause, maxPause)
		}
		pause = minPause
	}
}

// uploadWaiting uploads what waits now. It returns the first error, after having tried all.
func (s *Store) uploadWaiting(ctx context.Context) error {
	s.mu.Lock()
	digests := slices.Collect(maps.Keys(s.waiting))
	s.mu.Unlock()
	var g errgroup.Group
	g.SetLimit(uploads)
	for _, d := range digests {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return s.uploadBlob(ctx, d)
		})
	}
	err := g.Wait()
	s.mu.Lock()
	first := err != nil && s.failed == nil
	s.failed = err
	s.mu.Unlock()
	if first && ctx.Err() == nil {
		s.Logger.WarnContext(ctx, "blobs are not uploaded, and stay on the disk meanwhile", "store", s.Objects.String(), "error", err)
	}
	return err
}

func (s *Store) uploadBlob(ctx context.Context, d catalog.Digest) error {
	content, err := s.Local.Get(ctx, d)
	switch {
	case errors.Is(err, tiles.ErrCorrupt):
		return nil // it is repaired, and put again
	case errors.Is(err, tiles.ErrNotFound): // it was deleted
		s.mu.Lock()
		delete(s.waiting, d)
		s.mu.Unlock()
		return nil
	case err != nil:
		return err
	}
	if err := s.Objects.Put(ctx, objectName(d), content); err != nil {
		return err
	}
	if err := s.index.add(d); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, still := s.waiting[d]; still { // else it was deleted here meanwhile, and is collected as what nothing names
		delete(s.waiting, d)
		s.unused.Add(d, struct{}{})
	}
	return nil
}
