package blobs

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/weirdata/weir/catalog"
)

// DefaultRollupBytes bounds the files of rollups: about 11,000 of them, those of a column of hourly
// readings of 8,000 entities over twenty years, the days included.
const DefaultRollupBytes = 4 << 30

// RollupOptions are what rollups are kept by.
type RollupOptions struct {
	MaxBytes int64        // of all files; 0: DefaultRollupBytes
	MinFree  uint64       // bytes that stay free on the disk: below, none is kept
	Logger   *slog.Logger // needed
	// Free reports the bytes that the file system of a directory has left. nil: none is short.
	Free func(dir string) (uint64, error)
}

// Rollups keeps sums of consecutive tiles in files: of every manifest a directory, of every sum
// a file that names the tiles (rollup.Tiles.Name). It is safe for concurrent use.
//
// A file is in its place whole or not at all, and its SHA-256, of name and content, is compared when it
// is first read after opening, its CRC-32C at every read. One that is damaged is removed, and made again by whoever
// needs it. Nothing here is the only copy of anything: what cannot be read or written is summed up from
// tiles. So is what has to make room: those used longest ago, the order at opening being that of their making.
type Rollups struct {
	dir string
	o   RollupOptions

	mu     sync.Mutex
	kept   *simplelru.LRU[rollupKey, *keptRollup]
	bytes  int64
	doubts uint64 // how often something was dropped: what was begun before is not kept
	counts RollupCounts

	buffers sync.Pool // of *[]byte
}

// RollupCounts are figures of rollups since they were opened.
type RollupCounts struct {
	Kept    int   // now
	Bytes   int64 // of them
	Used    int64 // read and believed
	Made    int64
	Damaged int64 // found damaged and removed
}

// rollupKey names a rollup.
type rollupKey struct {
	manifest catalog.Digest
	name     string
}

type keptRollup struct {
	size int64 // of the file
	sum  bool  // its SHA-256 was compared since opening, or it was made since
}

// OpenRollups looks which rollups a directory has. Where it cannot be read or made, that is logged, and none are kept: nil.
func OpenRollups(dir string, o RollupOptions) *Rollups {
	r := &Rollups{dir: dir, o: o}
	if r.o.MaxBytes == 0 {
		r.o.MaxBytes = DefaultRollupBytes
	}
	r.buffers.New = func() any { return new([]byte) }
	var err error
	if r.kept, err = simplelru.NewLRU[rollupKey, *keptRollup](1<<30, nil); err == nil {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = r.find()
		}
	}
	if err != nil {
		o.Logger.Warn("no rollups are kept: every sum is made of tiles", "error", err)
		return nil
	}
	return r
}

// find lists the files, oldest first, and removes what a crash left of one that was being written.
func (r *Rollups) find() error {
	type found struct {
		key  rollupKey
		size int64
		made time.Time
	}
	var all []found
	var halves []string
	err := filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		manifest, err := catalog.ParseDigest(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil //nolint:nilerr // no file of ours
		}
		if strings.Contains(e.Name(), ".half-") {
			halves = append(halves, path)
			return nil
		}
		info, err := e.Info()
		if err == nil {
			all = append(all, found{rollupKey{manifest, e.Name()}, info.Size(), info.ModTime()})
		}
		return err
	})
	for _, path := range halves {
		err = errors.Join(err, os.Remove(path))
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.made.Compare(b.made) })
	for _, f := range all {
		r.note(f.key, &keptRollup{size: f.size})
	}
	return err
}

func (r *Rollups) path(k rollupKey) string {
	return filepath.Join(r.dir, k.manifest.String(), k.name)
}

// note counts a rollup, and removes those used longest ago until all fit. mu is held, or r is not shared yet.
func (r *Rollups) note(k rollupKey, kept *keptRollup) {
	r.uncount(k)
	r.kept.Add(k, kept)
	r.bytes += kept.size
	for r.bytes > r.o.MaxBytes {
		oldest, _, _ := r.kept.GetOldest()
		r.remove(oldest)
	}
}

func (r *Rollups) uncount(k rollupKey) {
	if was, ok := r.kept.Peek(k); ok {
		r.bytes -= was.size
		r.kept.Remove(k)
	}
}

// remove forgets a rollup and removes its file. One that stays in spite of that is found when r is opened again, and
// checked like any.
func (r *Rollups) remove(k rollupKey) {
	r.uncount(k)
	if err := os.Remove(r.path(k)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.o.Logger.Warn("a rollup could not be removed", "rollup", r.path(k), "error", err)
	}
}

// use gives a rollup's bytes to add, which must neither change nor keep them, and reports whether it did. A rollup that
// is damaged, or that add returns an error of, is removed.
func (r *Rollups) use(k rollupKey, add func(sum []byte) error) bool {
	r.mu.Lock()
	kept, ok := r.kept.Get(k)
	compared := ok && kept.sum
	r.mu.Unlock()
	if !ok {
		return false
	}
	buffer := r.buffers.Get().(*[]byte) //nolint:forcetypeassert // its own
	defer r.buffers.Put(buffer)
	err := r.read(k, kept.size, !compared, buffer)
	if err == nil {
		err = add((*buffer)[rollupHeader:])
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		kept.sum = true
		r.counts.Used++
		return true
	}
	r.o.Logger.Warn("a rollup is damaged, and will be made again", "rollup", r.path(k), "error", err)
	r.counts.Damaged++
	if now, ok := r.kept.Peek(k); ok && now == kept {
		r.remove(k)
	}
	return false
}

// begin is to be called before the tiles of a sum are read that is to be kept.
func (r *Rollups) begin() (doubts uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.doubts
}

// keep writes a sum that was begun, unless something was doubted meanwhile or there is no room for it.
func (r *Rollups) keep(k rollupKey, sum []byte, begun uint64) {
	size := int64(rollupHeader + len(sum))
	if size > r.o.MaxBytes || !r.room(size) {
		return
	}
	err := r.write(k, sum)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.o.Logger.Warn("a rollup could not be kept", "rollup", r.path(k), "error", err)
	case r.doubts != begun:
		r.remove(k)
	default:
		r.counts.Made++
		r.note(k, &keptRollup{size: size, sum: true})
	}
}

// room reports whether the disk has room for a file.
func (r *Rollups) room(size int64) bool {
	if r.o.Free == nil {
		return true
	}
	free, err := r.o.Free(r.dir)
	return err == nil && free >= r.o.MinFree+uint64(size) //nolint:gosec // a length
}

// drop removes the rollups that which says, and whatever is being made.
func (r *Rollups) drop(which func(k rollupKey) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doubts++
	for _, k := range r.kept.Keys() {
		if which(k) {
			r.remove(k)
		}
	}
}

// Retain removes the rollups of all manifests but those that are named.
func (r *Rollups) Retain(named func(manifest catalog.Digest) bool) error {
	gone := func(d catalog.Digest) bool { return !named(d) }
	r.mu.Lock()
	stale := slices.ContainsFunc(r.kept.Keys(), func(k rollupKey) bool { return gone(k.manifest) })
	r.mu.Unlock()
	if stale {
		r.drop(func(k rollupKey) bool { return gone(k.manifest) })
	}
	dirs, err := os.ReadDir(r.dir)
	if err != nil {
		return fmt.Errorf("list the rollups: %w", err)
	}
	var errs []error
	for _, e := range dirs {
		if d, err := catalog.ParseDigest(e.Name()); err == nil && gone(d) {
			errs = append(errs, os.RemoveAll(filepath.Join(r.dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// Counts are the figures until now.
func (r *Rollups) Counts() RollupCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	c.Kept, c.Bytes = r.kept.Len(), r.bytes
	return c
}
