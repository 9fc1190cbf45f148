package blobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
)

// orphans are the blobs that nothing in the ledger names, and since when they were seen to
// be such and nobody asked for them. They are of uploads that were never finished, of
// versions that were rejected, and the sealed shares of vectors whose registration is over:
// a node that holds its share has it in its vault.
//
// What an upload or a registration in progress needs is an orphan too, until the ledger
// names it. Two things keep it. A blob is deleted only when it was an orphan for all of
// Options.KeepOrphans without anybody asking for it; an upload that is resumed asks which of
// its blobs are missing, and asks once more before it proposes its version. And whoever asks
// is told the truth: asking and deleting exclude each other.
type orphans struct {
	collected atomic.Int64

	mu    sync.Mutex
	since map[catalog.Digest]time.Time
}

func newOrphans() *orphans { return &orphans{since: map[catalog.Digest]time.Time{}} }

// touch begins a blob's time anew. Call it before looking whether the blob is there.
func (o *orphans) touch(digests ...catalog.Digest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range digests {
		delete(o.since, d)
	}
}

// note begins the time of a blob that nothing names, unless it runs; of one that something
// names it ends it.
func (o *orphans) note(d catalog.Digest, named bool, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, known := o.since[d]
	switch {
	case named:
		delete(o.since, d)
	case !known:
		o.since[d] = now
	}
}

// due lists those whose time is over.
func (o *orphans) due(keep time.Duration, now time.Time) (digests []catalog.Digest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for d, since := range o.since {
		if now.Sub(since) >= keep {
			digests = append(digests, d)
		}
	}
	return digests
}

// drop runs remove for a blob whose time is over still.
func (o *orphans) drop(d catalog.Digest, keep time.Duration, now time.Time, remove func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	since, known := o.since[d]
	if !known || now.Sub(since) < keep {
		return nil
	}
	if err := remove(); err != nil {
		return err
	}
	delete(o.since, d)
	o.collected.Add(1)
	return nil
}

// Collect looks which blobs nothing in the ledger names, and deletes those of which that
// was so for long enough. It goes by a state that had caught up with the ledger when it
// began: without a quorum it does nothing. Before anything is deleted it looks again. Rollups of
// versions that nothing names go at once: they can be made again.
func (s *Store) Collect(ctx context.Context, now time.Time) error {
	named, err := s.namedBlobs(ctx, now)
	if err != nil {
		return err
	}
	if s.Rollups != nil {
		if err := s.Rollups.Retain(func(manifest catalog.Digest) bool { return named[manifest] }); err != nil {
			return err
		}
	}
	err = s.Disk.List(ctx, func(d catalog.Digest) error {
		s.orphans.note(d, named[d], now)
		return nil
	})
	if err != nil {
		return err
	}
	due := s.orphans.due(s.KeepOrphans, now)
	if len(due) == 0 {
		return nil
	}
	if named, err = s.namedBlobs(ctx, now); err != nil {
		return err
	}
	for _, d := range due {
		if named[d] {
			s.orphans.touch(d)
			continue
		}
		err := s.orphans.drop(d, s.KeepOrphans, now, func() error { return s.Disk.Delete(ctx, d) })
		if err != nil {
			return err
		}
	}
	s.Logger.InfoContext(ctx, "deleted blobs that nobody needs", "blobs", len(due), "unnamed_for", s.KeepOrphans)
	return nil
}

// Named lists the blobs that a backup needs: those that the ledger needs any node to have.
func (s *Store) Named(ctx context.Context, now time.Time) ([]catalog.Digest, error) {
	named, err := s.namedBlobs(ctx, now)
	return slices.Collect(maps.Keys(named)), err
}

// namedBlobs are the blobs that the ledger needs this node, or any other, to have: those
// of every version that was not rejected, of every key, and the sealed shares of vectors
// whose registration is under way. Its errors mean that this cannot be told now.
func (s *Store) namedBlobs(ctx context.Context, now time.Time) (map[catalog.Digest]bool, error) {
	named := map[catalog.Digest]bool{}
	var versions []catalog.Version
	err := s.Ledger.Read(ctx, func(v state.View) (err error) {
		if versions, err = keptVersions(v); err != nil {
			return err
		}
		return nameOthers(v, named)
	})
	if err != nil {
		return nil, fmt.Errorf("list what the ledger names: %w", err)
	}
	for _, x := range versions {
		named[x.Manifest], named[x.Presence] = true, true
		b, err := s.Load(ctx, x.Manifest)
		if err != nil {
			// A version whose manifest nobody ever had must not keep everything for ever.
			if x.State != catalog.VersionLive && len(x.Acks) == 0 && now.UnixMilli()-x.Proposed > s.KeepOrphans.Milliseconds() && errors.Is(err, errNowhere) {
				continue
			}
			return nil, fmt.Errorf("find the tiles of version %d of %s: %w", x.Version, x.Dataset, err)
		}
		m, err := tiles.ParseManifest(b)
		if err != nil {
			if x.State == catalog.VersionLive {
				return nil, fmt.Errorf("read the manifest of %s version %d: %w", x.Dataset, x.Version, err)
			}
			continue // nodes reject it
		}
		for _, d := range m.Digests() {
			named[d] = true
		}
	}
	return named, nil
}

// Needed are the blobs without which what a state holds cannot be answered: those of versions
// that a node holds, and of keys that are ready. manifest reads a manifest. What blobs are named for
// is told in words. A blob of which a state only says that it was announced is not among them.
func Needed(v state.View, manifest func(d catalog.Digest) (tiles.Manifest, error)) (map[catalog.Digest]string, error) {
	versions, err := keptVersions(v)
	if err != nil {
		return nil, fmt.Errorf("list what the ledger names: %w", err)
	}
	needed := map[catalog.Digest]string{}
	for _, x := range versions {
		if len(x.Acks) == 0 {
			continue
		}
		of := fmt.Sprintf("version %d of %s", x.Version, x.Dataset)
		needed[x.Manifest], needed[x.Presence] = "the manifest of "+of, "the presence of "+of
		m, err := manifest(x.Manifest)
		if err != nil {
			return nil, fmt.Errorf("read the manifest of %s: %w", of, err)
		}
		for _, d := range m.Digests() {
			needed[d] = "a tile of " + of
		}
	}
	keys, err := v.Keys().All()
	if err != nil {
		return nil, fmt.Errorf("list what the ledger names: %w", err)
	}
	for _, k := range keys {
		if k.State != catalog.KeyReady {
			continue
		}
		for _, c := range k.Commits {
			needed[c.Public] = "a public share of key " + k.ID
		}
	}
	return needed, nil
}

// keptVersions are the versions that were neither rejected nor have expired. What a query that is not over reads
// is kept until it is over, though it has expired meanwhile.
func keptVersions(v state.View) (kept []catalog.Version, err error) {
	read, err := readVersions(v)
	if err != nil {
		return nil, err
	}
	datasets, err := v.Datasets()
	if err != nil {
		return nil, err
	}
	for _, d := range datasets {
		versions, err := v.Versions().Of(d.ID)
		if err != nil {
			return nil, err
		}
		for _, x := range versions {
			if x.State != catalog.VersionRejected && (x.Expired == 0 || read[catalog.VersionOf{Dataset: d.ID, Version: x.Version}]) {
				kept = append(kept, x)
			}
		}
	}
	return kept, nil
}

// readVersions are the versions that queries read which are not over.
func readVersions(v state.View) (map[catalog.VersionOf]bool, error) {
	queries, err := v.PendingQueries()
	if err != nil {
		return nil, err
	}
	read := map[catalog.VersionOf]bool{}
	for _, q := range queries {
		verdict, err := v.Verdict(q.ID)
		if err != nil {
			return nil, err
		}
		for _, x := range verdict.Versions() {
			read[x] = true
		}
	}
	return read, nil
}

// nameOthers adds what is of no version.
func nameOthers(v state.View, named map[catalog.Digest]bool) error {
	keys, err := v.Keys().All()
	if err != nil {
		return err
	}
	for _, k := range keys {
		for _, c := range k.Commits {
			named[c.Public] = true
		}
	}
	vectors, err := v.Vectors().Pending()
	if err != nil {
		return err
	}
	for _, x := range vectors {
		for _, d := range x.Shares {
			named[d] = true
		}
	}
	queries, err := v.PendingQueries()
	if err != nil {
		return err
	}
	for _, q := range queries {
		for _, d := range q.Submit.Witnesses {
			named[d] = true
		}
	}
	return nil
}
