package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// shareStatus is how the shares of keys and private vectors are, by this node's state.
func (c *core) shareStatus() (s wire.ShareStatus, err error) {
	err = c.view(func(v state.View) error {
		s.Vectors, err = vectorShares(v)
		if errors.Is(err, records.ErrNotFound) {
			return nil // there is no cluster yet
		}
		if err != nil {
			return err
		}
		schedule, err := v.RefreshSchedule()
		if err != nil {
			return err
		}
		s.Every = schedule.Every
		if s.Deposit, err = c.depositStatus(v); err != nil {
			return err
		}
		s.Keys, err = keyShares(v, schedule.Every)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("look at the shares of keys and private vectors: %w", err)
	}
	return s, nil
}

func keyShares(v state.View, every int64) (list []wire.KeyShares, err error) {
	keys, err := v.Keys().All()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.State != catalog.KeyReady {
			continue
		}
		s := wire.KeyShares{Key: k.ID, Publisher: k.Publisher, Epoch: k.InForce().Epoch, Since: resharing.SharedAt(k)}
		if every > 0 {
			s.Due = s.Since + every
		}
		c, err := v.Keys().Canary(k.ID)
		if err != nil {
			return nil, err
		}
		if c.Sharing == k.InForce() { // else it is about shares that are no more
			s.Tried, s.Unfit = c.Ended, c.Unfit
			if c.Found() && len(c.Unfit) == 0 {
				s.Doubt = explain.Reason(c.Reason)
			}
		}
		list = append(list, s)
	}
	return list, nil
}

func vectorShares(v state.View) (s wire.VectorShares, err error) {
	cluster, err := v.Cluster()
	if err != nil {
		return s, err
	}
	ready, err := v.Vectors().Ready()
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
	if s.ToMove, err = v.Vectors().CountToMove(); err != nil {
		return s, err
	}
	moves, err := v.Vectors().Moves()
	for _, m := range moves {
		s.Waits = append(s.Waits, m.Waits()...)
	}
	slices.Sort(s.Waits)
	s.Waits = slices.Compact(s.Waits)
	return s, err
}
