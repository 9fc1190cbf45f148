package node

import "context"

// scrubs reads the whole state and the whole store whenever the timer says so, and once when the node starts, until
// ctx ends.
func (n *Node) scrubs(ctx context.Context) {
	ticks, stop := n.opts.Ticks(n.opts.ScrubEvery)
	defer stop()
	for pace := unpaced; ; pace = n.paced {
		n.scrubState(ctx, pace)
		if err := n.blobs.Scrub(ctx); err != nil && ctx.Err() == nil {
			n.log.ErrorContext(ctx, "scrub the blobs", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// collects deletes blobs that nobody needs, noise and shares of queries that are forgotten, and streams for backups
// that nobody fetches, whenever the timer says so, until ctx ends.
func (n *Node) collects(ctx context.Context) {
	ticks, stop := n.opts.Ticks(n.opts.CollectEvery)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		if !n.ledger.Recovered() { // a state that a crash has taken back does not name all that is needed
			continue
		}
		if err := n.blobs.Collect(ctx, n.opts.Clock()); err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "nothing is collected of the blobs that nobody needs", "error", err)
		}
		if n.monitor.stateFault() == nil { // by a state that is in doubt nothing is erased that could be needed
			if err := n.mpc.Queries.EraseForgotten(); err != nil {
				n.log.WarnContext(ctx, "noise and shares of queries that are forgotten stay", "error", err)
			}
		}
		if err := n.backups.releaseIdle(); err != nil {
			n.log.WarnContext(ctx, "a ledger that was held ready for a backup stays", "error", err)
		}
	}
}

// scrubState reads the whole state. Damage stops the ledger, see [consensus.Ledger.ScrubState].
func (n *Node) scrubState(ctx context.Context, pace func(context.Context) error) {
	if err := n.ledger.ScrubState(ctx, pace); err != nil && ctx.Err() == nil {
		n.log.ErrorContext(ctx, "scrub the state", "error", n.advised(err))
	}
}

// unpaced is the pace of the scrub when the node starts: until it is over nobody knows whether the state is what it
// was.
func unpaced(ctx context.Context) error { return ctx.Err() }

// paced waits as long as a scrub of blobs does after each.
func (n *Node) paced(ctx context.Context) error {
	ticks, stop := n.opts.Ticks(n.opts.ScrubPause)
	defer stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ticks:
		return nil
	}
}
