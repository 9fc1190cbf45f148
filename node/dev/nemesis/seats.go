package nemesis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
)

// grow adds seats: 2 of 3 become 3 of 5, and the bureau lets its key move. Every other time a node dies while that
// is under way. A cluster that has grown shrinks.
func (r *run) grow(ctx context.Context) (string, heal, error) {
	if len(r.nodes) == large {
		return r.shrink(ctx)
	}
	var fresh []catalog.Node
	for len(r.nodes)+len(fresh) < large {
		id := r.newNode()
		n, err := r.cluster.NewNode(ctx, id, r.addr(id))
		if err != nil {
			return id, nil, err
		}
		fresh = append(fresh, n)
	}
	err := r.until(ctx, func(ctx context.Context) error { return r.cluster.Seat(ctx, largeThreshold, nil, fresh) })
	if err == nil {
		err = r.connect()
	}
	var came []string
	for _, n := range fresh {
		came = append(came, n.ID)
		if err == nil {
			err = r.cluster.StartNode(n.ID)
		}
	}
	r.nodes = append(r.nodes, came...)
	if err == nil {
		err = r.until(ctx, r.moveKey)
	}
	what, mend, err := r.underWay(ctx, err)
	return fmt.Sprintf("to %d of %d with %v%s", largeThreshold, large, came, what), mend, err
}

// shrink gives seats up: 3 of 5 become 2 of 3, whichever are drawn, and the bureau lets its key move. Nodes
// that leave end by themselves. A cluster that has shrunk grows.
func (r *run) shrink(ctx context.Context) (string, heal, error) {
	if len(r.nodes) == small {
		return r.grow(ctx)
	}
	var without []string
	for len(r.nodes)-len(without) > small {
		if id := r.any(); !slices.Contains(without, id) {
			without = append(without, id)
		}
	}
	err := r.until(ctx, func(ctx context.Context) error { return r.cluster.Seat(ctx, smallThreshold, without, nil) })
	if err == nil {
		err = r.connect()
	}
	if err == nil {
		err = r.until(ctx, r.moveKey)
	}
	what, mend, err := r.underWay(ctx, err)
	r.nodes = slices.DeleteFunc(slices.Clone(r.nodes), func(id string) bool { return slices.Contains(without, id) })
	left := func(ctx context.Context) error {
		if err := mend(ctx); err != nil {
			return err
		}
		return r.until(ctx, func(context.Context) error { return r.forget(without) })
	}
	return fmt.Sprintf("to %d of %d without %v%s", smallThreshold, small, without, what), left, err
}

// forget is nil when nodes have ended, after they left.
func (r *run) forget(ids []string) error {
	for _, id := range ids {
		how, gone := r.cluster.Exited()[id]
		if _, here := r.hosts[id]; !here {
			continue // it was forgotten before
		}
		if !gone {
			return fmt.Errorf("%s runs still", id)
		}
		r.opts.Log(fmt.Sprintf("%s left (%v): %s", id, how, r.lastLine(id)))
		if err := r.cluster.Forget(id); err != nil {
			return err
		}
		delete(r.hosts, id)
	}
	return nil
}

// moveKey has the bureau let its key move to the roster as it is, unless it has.
func (r *run) moveKey(ctx context.Context) error {
	k, err := r.bureau.PublisherKey(ctx, r.bureau.Key().ID())
	if err != nil {
		return err
	}
	_, err = govern.MoveKey(ctx, r.bureau, k.ID)
	if refusal, refused := client.IsRefused(err); refused && slices.Contains([]string{"refresh", "moved"}, refusal.Rule) {
		return nil
	}
	return err
}

// underWay kills a node every other time, a little later, and says so. It is started again to mend it.
func (r *run) underWay(ctx context.Context, before error) (what string, mend heal, err error) {
	if before != nil || r.rng.IntN(2) == 0 {
		return "", func(context.Context) error { return nil }, before
	}
	id := r.any()
	_ = client.Pause(ctx, time.Duration(r.rng.IntN(1500))*time.Millisecond)
	start := func(context.Context) error {
		if err := r.cluster.StartNode(id); err != nil {
			return fmt.Errorf("start %s again: %w", id, err)
		}
		return nil
	}
	if err := r.cluster.Kill(id); err != nil {
		return "", start, errors.Join(fmt.Errorf("kill %s", id), err)
	}
	return ", and kill " + id, start, nil
}
