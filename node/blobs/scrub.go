package blobs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api/wire"
)

// Scrub reads every blob, compares it with its digest and has damaged ones
// repaired; it also finds those that acknowledged versions name and the store
// has lost.
func (s *Store) Scrub(ctx context.Context) error {
	pause, stop := s.Ticks(s.ScrubPause)
	defer stop()
	if s.repairs.current.Load() { // else it is being looked for anyway, see Tasks
		if err := s.FindLost(ctx); err != nil {
			return err
		}
	}
	err := s.Disk.Scrub(ctx, func(d catalog.Digest, fault error) error {
		s.repairs.count(func(c *wire.BlobStatus) { c.Scrubbed++ })
		if fault != nil {
			s.found(ctx, d, fault)
			s.Wake()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause:
			return nil
		}
	})
	if err == nil {
		now := s.Clock().UnixMilli()
		s.repairs.count(func(c *wire.BlobStatus) { c.Scrubs, c.LastScrub = c.Scrubs+1, now })
	}
	return err
}

// findLostOnceCurrent looks for lost blobs when this node's state has caught up. Earlier
// would be too early: there are versions that the node acknowledged while it ran before,
// and whose acknowledgement it has not applied again yet.
func (s *Store) findLostOnceCurrent(ctx context.Context) error {
	err := s.Ledger.Read(ctx, func(state.View) error { return nil })
	if errors.Is(err, ErrNotCurrent) {
		return nil // there will be another look
	}
	if err == nil {
		err = s.FindLost(ctx)
	}
	if err != nil {
		return fmt.Errorf("find blobs lost before the start: %w", err)
	}
	s.repairs.current.Store(true)
	return nil
}

// FindLost notes the blobs of versions that this node acknowledged and that its
// store does not know any more.
func (s *Store) FindLost(ctx context.Context) error {
	var kept []catalog.Version
	err := s.Ledger.View(func(v state.View) (err error) {
		kept, err = keptVersions(v)
		return err
	})
	if err != nil {
		return fmt.Errorf("list the versions that this node holds: %w", err)
	}
	for _, x := range kept {
		if !slices.Contains(x.Acks, s.Self) {
			continue
		}
		digests := []catalog.Digest{x.Manifest, x.Presence}
		b, err := s.Disk.Get(ctx, x.Manifest)
		if err == nil {
			m, err := tiles.ParseManifest(b)
			if err != nil {
				return fmt.Errorf("read the manifest of %s version %d: %w", x.Dataset, x.Version, err)
			}
			digests = append(digests, m.Digests()...)
		} else if _, damage := isDamage(err); !damage {
			return err
		} else {
			s.found(ctx, x.Manifest, err)
			s.repairs.lacksIndex(x.Manifest)
		}
		lost, err := s.Disk.Missing(ctx, digests)
		if err != nil {
			return err
		}
		for _, d := range lost {
			s.found(ctx, d, tiles.ErrNotFound)
			s.Wake()
		}
	}
	return nil
}
