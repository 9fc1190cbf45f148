package blobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// errNowhere is returned when all other nodes answered and none has a blob.
var errNowhere = errors.New("no other node has it")

// isDamage reports whether err says that a blob's bytes are not, or no longer,
// in the store: another copy helps.
func isDamage(err error) (d catalog.Digest, damage bool) {
	var fault *tiles.BlobError
	if errors.As(err, &fault) && (errors.Is(fault, tiles.ErrCorrupt) || errors.Is(fault, tiles.ErrHalfRead) || errors.Is(fault, tiles.ErrNotFound)) {
		return fault.Digest, true
	}
	return d, false
}

// Load returns a blob's bytes, verified: this node's own, or, where they are
// missing or damaged, those of another node, which it keeps.
func (s *Store) Load(ctx context.Context, d catalog.Digest) ([]byte, error) {
	s.orphans.touch(d)
	b, err := s.Disk.Get(ctx, d)
	if _, damage := isDamage(err); !damage {
		return b, err
	}
	if errors.Is(err, tiles.ErrCorrupt) {
		s.found(ctx, d, err)
	}
	return s.fetch(ctx, d)
}

// fetch gets a blob from whichever other node has it, and keeps it. Nodes are
// asked one after the other, beginning anywhere, so that those who catch up do
// not all burden the first one.
func (s *Store) fetch(ctx context.Context, d catalog.Digest) ([]byte, error) {
	first := rand.IntN(len(s.Roster)) //nolint:gosec // G404: it spreads the work
	asked, errs := 1, []error{fmt.Errorf("blob %s is on no node that answers", d)}
	for i := range s.Roster {
		m := s.Roster[(first+i)%len(s.Roster)]
		if m.ID == s.Self || !s.Peers.Alive(m.ID) {
			continue
		}
		b, err := s.Peers.Blob(ctx, m.ID, d)
		if err == nil {
			// Put compares the digest, so a wrong answer is as good as none.
			if err = s.Put(ctx, d, b); err == nil {
				return b, nil
			}
			if !errors.Is(err, tiles.ErrDigest) {
				return nil, err
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, ErrNotFound) {
			asked++
			continue
		}
		errs = append(errs, err)
	}
	if asked == len(s.Roster) {
		errs = append(errs, errNowhere)
	}
	return nil, errors.Join(errs...)
}
