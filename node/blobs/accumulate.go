package blobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/failure"
)

// Accumulate adds tiles up, and tells added of every batch. A tile that turns out damaged is repaired, and
// the sum goes on with it; where that is not possible the error is failure.ErrDamaged. After any error acc is of
// no use.
func (s *Store) Accumulate(ctx context.Context, digests []catalog.Digest, acc *he.Accumulator, added func(tiles int)) error {
	var last catalog.Digest // repaired last
	for len(digests) > 0 {
		done := 0
		leave, err := s.Cores.Enter(ctx)
		if err != nil {
			return err
		}
		err = s.Disk.Accumulate(ctx, digests, func(batch ...[]byte) error {
			err := acc.Add(batch...)
			if err == nil {
				done += len(batch)
				added(len(batch))
			}
			return err
		})
		leave()
		digests = digests[done:]
		if err == nil {
			return nil
		}
		d, damage := isDamage(err)
		if !damage {
			return err
		}
		s.found(ctx, d, err)
		if errors.Is(err, tiles.ErrHalfRead) { // acc has a part of it: whoever asked begins anew, when the blob is repaired
			s.Wake()
			return err
		}
		if d == last { // what was written reads damaged at once: the disk is at fault
			return fmt.Errorf("%w: %w", failure.ErrDamaged, err)
		}
		if last = d; ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.repair(ctx, d); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return fmt.Errorf("%w: %w", failure.ErrDamaged, err)
		}
	}
	return nil
}
