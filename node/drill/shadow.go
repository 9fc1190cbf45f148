package drill

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
)

// ErrMachine is returned where a shadow does not come up for want of something on this machine: that says nothing of the backup.
var ErrMachine = errors.New("this machine has no room for the shadow")

// checkShadow has the backup restored, and compares what its nodes are with what was proved of the backup: the
// ledger and the catalogue of each, and of recorded queries what they compute.
func (d *drilling) checkShadow(ctx context.Context, queries []string) (err error) {
	if d.Shadow == nil {
		return nil
	}
	d.Progress("restoring the backup as a shadow")
	c := d.checks[Nodes]
	s, err := d.Shadow(ctx, filepath.Join(d.Dir, "shadow"))
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, ErrMachine) {
			return errors.Join(ctx.Err(), err)
		}
		c.Tried.Tried++
		c.differ("the shadow does not come up: %v", err)
		d.checks[Restored].Skipped = "the shadow does not come up"
		return nil
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var datasets int
	err = d.view(func(v state.View) error {
		list, err := v.Datasets()
		datasets = len(list)
		return err
	})
	if err != nil {
		return err
	}
	for at := range s.Size() {
		d.Progress(fmt.Sprintf("waiting for node %d of %d of the shadow", at+1, s.Size()))
		c.Tried.Tried++
		size, root, have, err := s.Stands(ctx, at)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			c.differ("node %d of the shadow: %v", at+1, err)
		case size != d.Archive.Size || root != d.Archive.Root || have != datasets:
			c.differ("node %d of the shadow has %d entries with the root %s and %d datasets, the backup has %d with %s and %d",
				at+1, size, root, have, d.Archive.Size, d.Archive.Root, datasets)
		}
	}
	return d.checkRestored(ctx, s, queries)
}

// checkRestored has a node of the shadow compute queries anew.
func (d *drilling) checkRestored(ctx context.Context, s Shadow, queries []string) error {
	c := d.checks[Restored]
	for i, id := range queries {
		d.Progress(fmt.Sprintf("the shadow computes query %d of %d", i+1, len(queries)))
		var q catalog.Query
		err := d.view(func(v state.View) (err error) { q, err = v.Query(id); return err })
		if err != nil {
			return err
		}
		c.Tried.Tried++
		plan, contexts, err := s.Recompute(ctx, id, d.among[id].roster)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			c.differ("query %s: the shadow does not compute it: %v", id, err)
		case plan != q.Plan || contexts != q.Context:
			c.differ("query %s: the shadow computes other sums than those that its members opened", id)
		}
	}
	if len(queries) == 0 && c.Skipped == "" {
		c.Skipped = "the backup has no query that can be computed anew"
	}
	return nil
}
