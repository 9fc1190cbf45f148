package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// shareStatus is how the shares of private vectors are, by this node's state.
func (c *core) shareStatus() (s wire.ShareStatus, err error) {
	err = c.view(func(v state.View) error {
		s.Vectors, err = vectorShares(v)
		if errors.Is(err, records.ErrNotFound) {
			return nil // there is no cluster yet
		}
		return err
	})
	if err != nil {
		return s, fmt.Errorf("look at the shares of private vectors: %w", err)
	}
	return s, nil
}

func vectorShares(v state.View) (s wire.VectorShares, err error) {
	cluster, err := v.Cluster()
	if err != nil {
		return s, err
	}
	ready, err := v.ReadyVectors()
	if err != nil {
		return s, err
	}
	s.Ready = len(ready)
	for _, x := range ready {
		if x.Moving != 0 {
			s.Moving++
		}
		if !x.Stays.IsZero() {
			s.Stay++
		}
		if x.Holders(cluster) < x.InForce().Threshold {
			s.Lost++
		}
		if at := x.InForce().At; s.Oldest == 0 || at < s.Oldest {
			s.Oldest = at
		}
	}
	if s.ToMove, err = v.CountVectorsToMove(); err != nil {
		return s, err
	}
	moves, err := v.Moves()
	for _, m := range moves {
		s.Waits = append(s.Waits, m.Waits()...)
	}
	slices.Sort(s.Waits)
	s.Waits = slices.Compact(s.Waits)
	return s, err
}
