package blobcache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/objects"
)

// ErrUnreachable is returned for a blob that lies in the object store alone, which does not answer.
var ErrUnreachable = errors.New("the object store cannot be reached")

// ErrForeign is returned by Open for an object store that has the blobs of another node.
var ErrForeign = errors.New("the object store belongs to another node")

// MinLimit is the least that a disk must be let have: what is read ahead, four times over.
const MinLimit = 64 << 20

// Options are what a Store works with. All are needed.
type Options struct {
	Local   *tiles.Store // the disk; closed by who opened it, after the Store
	Objects objects.Store
	Node    string // whose blobs they are
	Index   string // the file that lists what was uploaded
	Limit   int64  // bytes of blobs on the disk, at least MinLimit
	Logger  *slog.Logger
	// Pause waits, or returns ctx's error: before an upload that failed is tried again.
	Pause func(ctx context.Context, d time.Duration) error

	limitBelow bool // tests give less than MinLimit
}

// Store is a node's blobs. It is safe for concurrent use.
type Store struct {
	Options
	index    *index
	fetching singleflight.Group
	life     context.Context
	stop     context.CancelFunc
	work     sync.WaitGroup
	due      chan struct{} // something waits for its upload

	mu      sync.Mutex
	waiting map[catalog.Digest]struct{}              // on the disk, not uploaded
	unused  *simplelru.LRU[catalog.Digest, struct{}] // on the disk and uploaded
	failed  error                                    // of the last upload
	closed  bool
}

// At is Open with the object store at an address (objects.Open).
func At(ctx context.Context, address string, o Options) (s *Store, err error) {
	if o.Objects, err = objects.Open(address, nil); err != nil {
		return nil, err
	}
	return Open(ctx, o)
}

// Open returns the blobs of a node. It asks the object store whose it is, and what it has, unless
// the index says so; it fails with ErrUnreachable where that cannot be asked.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Limit < MinLimit && !o.limitBelow {
		return nil, fmt.Errorf("a cache of %d bytes is too small: give at least %d", o.Limit, int64(MinLimit))
	}
	unused, err := simplelru.NewLRU[catalog.Digest, struct{}](math.MaxInt, nil)
	if err != nil {
		return nil, fmt.Errorf("open the cache of blobs: %w", err)
	}
	s := &Store{Options: o, waiting: map[catalog.Digest]struct{}{}, unused: unused, due: make(chan struct{}, 1)}
	if s.index, err = openIndex(o.Index, o.Objects.String(), func() ([]catalog.Digest, error) { return s.uploadedAlready(ctx) }); err != nil {
		return nil, err
	}
	err = o.Local.List(ctx, func(d catalog.Digest) error {
		if s.index.has(d) {
			s.unused.Add(d, struct{}{})
		} else {
			s.waiting[d] = struct{}{}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the cache of blobs: %w", err), s.index.close())
	}
	s.life, s.stop = context.WithCancel(context.Background())
	s.work.Go(func() { s.upload(s.life) })
	s.wake()
	return s, nil
}

// Close ends uploads and closes the index; what waits is uploaded after the next start.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.stop()
	s.work.Wait()
	return s.index.close()
}

// whileOpen runs fn, which Close waits for and whose context it ends.
func (s *Store) whileOpen(fn func(life context.Context) error) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return tiles.ErrClosed
	}
	s.work.Add(1)
	s.mu.Unlock()
	defer s.work.Done()
	return fn(s.life)
}

// Uploads says how many blobs the object store has, how many lie on the disk alone, and why the last upload
// failed, until one succeeds.
func (s *Store) Uploads() (uploaded, waiting int, failed error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.len(), len(s.waiting), s.failed
}

// Put keeps a blob on the disk, from where it is uploaded; tiles.ErrFull where neither the disk nor
// the cache has room for it.
func (s *Store) Put(ctx context.Context, d catalog.Digest, content []byte) error {
	if err := s.makeRoom(ctx, len(content)); err != nil {
		return fmt.Errorf("store blob %s: %w", d, err)
	}
	if err := s.Local.Put(ctx, d, content); err != nil {
		return err
	}
	s.mu.Lock()
	if s.index.has(d) {
		s.unused.Add(d, struct{}{})
	} else {
		s.waiting[d] = struct{}{}
	}
	s.mu.Unlock()
	s.wake()
	return nil
}

// makeRoom removes blobs from the disk that the object store has, until so many bytes fit.
func (s *Store) makeRoom(ctx context.Context, n int) error {
	synced := false
	for {
		held, err := s.Local.Stats()
		if err != nil {
			return err
		}
		over := held.Bytes+int64(n) > s.Limit
		if !over && held.Free >= held.MinFree+uint64(n) { //nolint:gosec // a length
			return nil
		}
		if !synced { // before what it lists is nowhere else
			if err := s.index.sync(); err != nil {
				return err
			}
			synced = true
		}
		s.mu.Lock()
		d, _, some := s.unused.RemoveOldest()
		s.mu.Unlock()
		switch {
		case some:
			if err := s.Local.Delete(ctx, d); err != nil {
				return err
			}
		case over:
			return fmt.Errorf("%w: %d of the cache's %d bytes wait for the object store, which has not taken them yet", tiles.ErrFull, held.Bytes, s.Limit)
		default:
			return nil // what little room there is, Local says
		}
	}
}

// Sync makes what is held durable.
func (s *Store) Sync(ctx context.Context) error {
	return errors.Join(s.Local.Sync(ctx), s.index.sync())
}

// Missing returns those digests that are neither on the disk nor, as far as is known, in the object store.
func (s *Store) Missing(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	return s.Local.Missing(ctx, slices.DeleteFunc(slices.Clone(digests), s.index.has))
}

// List calls fn with every blob's digest, in ascending order.
func (s *Store) List(ctx context.Context, fn func(d catalog.Digest) error) error {
	all := s.index.all()
	s.mu.Lock()
	all = slices.AppendSeq(all, maps.Keys(s.waiting))
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b catalog.Digest) int { return slices.Compare(a[:], b[:]) })
	for _, d := range slices.Compact(all) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("list blobs: %w", err)
		}
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes blobs from both. One that the object store cannot be told to remove is still listed.
func (s *Store) Delete(ctx context.Context, digests ...catalog.Digest) error {
	for _, d := range digests {
		s.mu.Lock()
		delete(s.waiting, d)
		s.unused.Remove(d)
		s.mu.Unlock()
		if err := s.Local.Delete(ctx, d); err != nil {
			return err
		}
		if !s.index.has(d) {
			continue
		}
		if err := s.Objects.Remove(ctx, objectName(d)); err != nil {
			return fmt.Errorf("delete blob %s: %w: %w", d, ErrUnreachable, err)
		}
		if err := s.index.remove(d); err != nil {
			return fmt.Errorf("delete blob %s: %w", d, err)
		}
	}
	return nil
}
