package node

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/compute/seal"
)

// joinedIn looks up the second version of a joined verdict.
func joinedIn(v catalog.View, w *work, verdict catalog.Verdict) (err error) {
	j := verdict.Join
	if j == nil {
		return nil
	}
	second := &work{}
	if second.dataset, err = v.Dataset(j.Dataset); err != nil {
		return err
	}
	if second.version, err = v.Version(j.Dataset, j.Release); err != nil {
		return err
	}
	if second.key, err = v.Key(second.version.Key); err != nil {
		return err
	}
	w.second = second
	return nil
}

// loadJoined loads the second version of a joined verdict, its presence and manifest
// included.
func (n *Node) loadJoined(ctx context.Context, w *work, verdict catalog.Verdict) error {
	if verdict.Join == nil {
		return nil
	}
	if err := n.view(func(v catalog.View) error { return joinedIn(v, w, verdict) }); err != nil {
		return fmt.Errorf("load %s version %d: %w", verdict.Join.Dataset, verdict.Join.Release, err)
	}
	if err := n.fetchPresence(ctx, w.second); err != nil {
		return err
	}
	return n.fetchManifest(ctx, w.second)
}

// side is the version as a join is planned with it.
func (w work) side() query.Side {
	s := query.Side{Descriptor: w.dataset.Descriptor, Version: w.version}
	if w.presence != nil {
		s.Presence = w.presence
	}
	return s
}

// descriptor is what the verdict's columns are of.
func (w work) descriptor() catalog.Descriptor {
	if w.second == nil {
		return w.dataset.Descriptor
	}
	return catalog.JoinDescriptors(w.dataset.Descriptor, w.second.dataset.Descriptor)
}

// holders are the nodes that hold all that the work is on.
func (w work) holders() []string {
	if w.second == nil {
		return w.version.Acks
	}
	return catalog.HoldersOf(w.version, &w.second.version)
}

// openSecond opens the tiles of the second version of a join, under its publisher's
// key. Contexts name the key and the tile, so they are others than those of the first
// opening; batches are numbered on behind its own. sum is the parity of everything.
func (n *Node) openSecond(ctx context.Context, o opening, w work, plan *query.Plan, first catalog.Digest, sum []uint64, singles [][]uint64) (catalog.Digest, error) {
	numbers := plan.SecondSingles()
	o.key = w.second.key
	o.first = (plan.OwnOpenings() + batchSize - 1) / batchSize
	second, err := n.open(ctx, o, accumulators{
		count: len(numbers),
		fill: func(ctx context.Context, number int, acc *he.Accumulator) error {
			s := plan.Singles[numbers[number]]
			return n.accumulate(ctx, []catalog.Digest{w.second.manifest.Tile(s.Packed, s.Block, s.Tile)}, acc, o.headway)
		},
		take: func(number int, slots []uint64) error {
			p, err := n.params.Parity(slots)
			if err != nil {
				return err
			}
			singles[numbers[number]] = slots
			return n.params.AddMod(sum, []uint64{p})
		},
	})
	if err != nil {
		return catalog.Digest{}, err
	}
	return seal.ContextsDigest([][32]byte{first, second}), nil
}
