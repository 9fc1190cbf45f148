package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// checkSets holds what a version says of its differences from earlier releases
// (catalog.VersionSets) against the presences, which are public. Which values
// changed is the publisher's word.
func (n *Node) checkSets(ctx context.Context, w work, own *tiles.Presence) error {
	if len(w.version.Compared) == 0 {
		return nil
	}
	var sets []catalog.CellSet
	err := n.view(func(v catalog.View) (err error) {
		sets, err = v.Sets(w.version.Dataset, w.version.Version)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the sets of cells: %w", err)
	}
	mine := tiles.Side{Presence: own, First: w.version.First, Cells: w.dataset.Descriptor.Grain, Policy: w.dataset.Descriptor.Policy.Grain}
	for i, x := range w.version.Compared {
		mine.Measure = measureAt(w.dataset.Descriptor, x.Measure)
		theirs := mine
		if x.Release == 0 {
			theirs.Measure = measureAt(w.dataset.Descriptor, x.Other)
		} else if theirs, err = n.comparedSide(ctx, x); err != nil {
			return err
		}
		of := slices.DeleteFunc(slices.Clone(sets), func(s catalog.CellSet) bool { return s.Comparison != i })
		err := tiles.CheckSets(mine, theirs, of, x.Release != 0 && x.Dataset == w.version.Dataset && x.Other == x.Measure)
		if errors.Is(err, tiles.ErrSets) {
			return refusef("%s against version %d of %s: %v", x.Measure, x.Release, x.Dataset, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func measureAt(d catalog.Descriptor, name string) int {
	return slices.IndexFunc(d.Measures, func(m catalog.Measure) bool { return m.Name == name })
}

// comparedSide loads the presence of a release that a version was compared with.
func (n *Node) comparedSide(ctx context.Context, x catalog.Comparison) (tiles.Side, error) {
	w, err := n.loadVersion(x.Dataset, x.Release)
	if err != nil {
		return tiles.Side{}, err
	}
	b, err := n.load(ctx, w.version.Presence)
	if err != nil {
		return tiles.Side{}, fmt.Errorf("presence of version %d of %s: %w", x.Release, x.Dataset, err)
	}
	d := w.dataset.Descriptor
	p, err := tiles.DecodePresence(b, len(d.Measures), w.version.Entities, w.version.Periods)
	if err != nil {
		return tiles.Side{}, fmt.Errorf("presence of version %d of %s: %w", x.Release, x.Dataset, err)
	}
	return tiles.Side{Presence: p, Measure: measureAt(d, x.Other), First: w.version.First, Cells: d.Grain, Policy: d.Policy.Grain}, nil
}
