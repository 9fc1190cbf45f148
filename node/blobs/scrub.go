package blobs

import (
	"context"

	"github.com/weirdata/weir/catalog"
)

// Scrub reads every blob, compares it with its digest and has damaged ones
// repaired; it also finds those that acknowledged versions name and the store
// has lost.
func (s *Store) Scrub(ctx context.Context) error {
	pause, stop := s.Ticks(s.ScrubPause)
	defer stop()
	if s.repairs.isCurrent() { // else it is being looked for anyway, see Tasks
		if err := s.FindLost(ctx); err != nil {
			return err
		}
	}
	err := s.Disk.Scrub(ctx, func(d catalog.Digest, fault error) error {
		s.repairs.scrubbed()
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
		s.repairs.scrubOver(s.Clock())
	}
	return err
}
