// Package blobs keeps a node's tiles, manifests, presences and public shares sound. Blobs that
// went bad or got lost, which reading and a scrub find, are replaced by copies of other nodes;
// those that nothing in the ledger has named for days are deleted.
//
// What a blob says is not looked at here, but for manifests: they name the tiles of a version.
// A damaged blob is served to nobody, and its repair counted; where no copy can be had, what
// needs it ends with failure.ErrDamaged.
//
// Sums of consecutive tiles are kept as well, in files of their own ([Rollups], [Store.Sum]): they are
// made of tiles by this node alone, sent to nobody, and made again where they are damaged.
package blobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus/tablecheck"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/failure"
)

// ErrNotFound is returned for a blob that this node, or the node that was asked, does not hold.
var ErrNotFound = errors.New("the blob is not held")

// ErrUnusable is returned when the blob store cannot be opened or read.
var ErrUnusable = errors.New("the blob store is damaged")

// ErrNotCurrent is what a Ledger returns when it cannot bring its state up to date now.
var ErrNotCurrent = errors.New("the state is not known to be current")

// Ledger is the replicated state.
type Ledger interface {
	// View runs fn on this node's own state, however old.
	View(fn func(state.View) error) error
	// Read runs fn on a state that has all that was committed before the call. Its errors wrap
	// ErrNotCurrent where that cannot be had now.
	Read(ctx context.Context, fn func(state.View) error) error
}

// Peers are the other nodes of the roster.
type Peers interface {
	// Alive reports whether a node answers.
	Alive(node string) bool
	// Blob fetches a blob from a node; it need not be what its digest says. An error that
	// wraps ErrNotFound means that the node answered, and has none.
	Blob(ctx context.Context, node string, d catalog.Digest) ([]byte, error)
}

// Disk keeps blobs by digest, verified: tiles.Store, with its errors.
type Disk interface {
	Put(ctx context.Context, d catalog.Digest, content []byte) error
	Get(ctx context.Context, d catalog.Digest) ([]byte, error)
	Missing(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error)
	Accumulate(ctx context.Context, digests []catalog.Digest, add func(tiles ...[]byte) error) error
	Verify(ctx context.Context, digests ...catalog.Digest) error
	Delete(ctx context.Context, digests ...catalog.Digest) error
	List(ctx context.Context, fn func(d catalog.Digest) error) error
	Scrub(ctx context.Context, fn func(d catalog.Digest, fault error) error) error
	Sync(ctx context.Context) error
	// Doubt has the SHA-256 of blobs compared when they are read next.
	Doubt(digests ...catalog.Digest)
}

// uploader is a Disk that has an object store behind it (package blobcache).
type uploader interface {
	Uploads() (uploaded, waiting int, failed error)
}

// Cores bounds how many goroutines compute at a time.
type Cores interface {
	// Enter takes a place, and waits for one until ctx ends; leave gives it back.
	Enter(ctx context.Context) (leave func(), err error)
}

// Options are what a Store works with. All are needed but the rollups.
type Options struct {
	Disk    Disk
	Rollups *Rollups       // nil: every sum is made of tiles
	Self    string         // this node's id
	Roster  []catalog.Node // this node among them
	Ledger  Ledger
	Peers   Peers
	Cores   Cores
	Workers int // cores that a sum uses at most; 0: one
	Logger  *slog.Logger
	Clock   func() time.Time
	// Ticks makes timers, and the function that stops one.
	Ticks func(every time.Duration) (ticks <-chan time.Time, stop func())
	// ScrubPause is the pause after each blob of a scrub.
	ScrubPause time.Duration
	// KeepOrphans is for how long a blob stays that nothing in the ledger names and nobody asks for.
	KeepOrphans time.Duration
	// Wake has what Tasks lists looked at again.
	Wake func()
}

// Store is a node's store of tiles, manifests, presences and public shares. Blobs that went bad
// or got lost are replaced by copies of other nodes.
type Store struct {
	Options
	repairs *repairs
	orphans *orphans
	// arriving is held for reading while a blob is stored, and for writing while one is given
	// up, so that what has arrived is not deleted as the damaged one that it replaces.
	arriving sync.RWMutex
}

// OpenDisk opens the blobs of a directory. What badger would end the process for is looked for first.
func OpenDisk(dir string, o tiles.StoreOptions) (store *tiles.Store, err error) {
	if err := tablecheck.All(dir); errors.Is(err, tablecheck.ErrDamaged) {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	} else if err != nil {
		return nil, fmt.Errorf("look at the blob store: %w", err)
	}
	err = failure.Contain(func() (err error) {
		store, err = tiles.Open(dir, o)
		return err
	})
	if err != nil && !tablecheck.Kept(err) && !errors.Is(err, tiles.ErrFormat) {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return store, err
}

// New returns the store of a node.
func New(o Options) *Store { return &Store{Options: o, repairs: newRepairs(), orphans: newOrphans()} }

// Task is a piece of work that is due. Tasks of one name are the same work.
type Task struct {
	Name string
	Run  func(context.Context) error
}

// Put stores content under its digest, which is compared; tiles.ErrFull when the disk is nearly full.
func (s *Store) Put(ctx context.Context, d catalog.Digest, content []byte) error {
	s.orphans.touch(d)
	s.arriving.RLock()
	defer s.arriving.RUnlock()
	if err := s.Disk.Put(ctx, d, content); err != nil {
		return err
	}
	s.repairs.repaired(d)
	return nil
}

// Get returns a blob, verified; ErrNotFound when this node has none, or has
// one that went bad and will fetch it again.
func (s *Store) Get(ctx context.Context, d catalog.Digest) ([]byte, error) {
	s.orphans.touch(d)
	content, err := s.Disk.Get(ctx, d)
	switch {
	case errors.Is(err, tiles.ErrNotFound):
		return nil, fmt.Errorf("blob %s: %w", d, ErrNotFound)
	case errors.Is(err, tiles.ErrCorrupt):
		s.repairs.note(d)
		s.Wake()
		return nil, fmt.Errorf("blob %s is damaged here and will be repaired: %w", d, ErrNotFound)
	}
	return content, err
}

// Missing returns those digests that this node does not hold, or holds damaged.
func (s *Store) Missing(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	s.orphans.touch(digests...)
	missing, err := s.Disk.Missing(ctx, digests)
	if err != nil || !slices.ContainsFunc(digests, s.repairs.isFaulty) {
		return missing, err
	}
	var all []catalog.Digest
	for _, d := range digests {
		if s.repairs.isFaulty(d) || slices.Contains(missing, d) {
			all = append(all, d)
		}
	}
	return all, nil
}

// Sync makes what is held durable.
func (s *Store) Sync(ctx context.Context) error { return s.Disk.Sync(ctx) }

// Status is what operators see of repairs and of collected garbage.
func (s *Store) Status() wire.BlobStatus {
	status := s.repairs.status()
	status.Collected = s.orphans.collected.Load()
	if u, has := s.Disk.(uploader); has {
		var failed error
		if status.Uploaded, status.Waiting, failed = u.Uploads(); failed != nil {
			status.UploadFault = failed.Error()
		}
	}
	return status
}

// Searched reports whether lost blobs were looked for in a state that had caught up.
func (s *Store) Searched() bool { return s.repairs.current.Load() }

// Search has lost blobs looked for again.
func (s *Store) Search() {
	s.repairs.current.Store(false)
	s.Wake()
}
