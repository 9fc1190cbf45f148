package node

import "context"

// upkeep is what the node's disk asks for: that it is read, and that nothing stays on it for ever.
type upkeep struct {
	*core
	monitor *monitor
	backups *backups
}

// scrubs reads the whole state and the whole store whenever the timer says so, and once when the node starts, until
// ctx ends.
func (u *upkeep) scrubs(ctx context.Context) {
	ticks, stop := u.opts.Ticks(u.opts.ScrubEvery)
	defer stop()
	for pace := unpaced; ; pace = u.paced {
		u.scrubState(ctx, pace)
		if err := u.blobs.Scrub(ctx); err != nil && ctx.Err() == nil {
			u.log.ErrorContext(ctx, "scrub the blobs", "error", err)
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
func (u *upkeep) collects(ctx context.Context) {
	ticks, stop := u.opts.Ticks(u.opts.CollectEvery)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		if !u.ledger.Recovered() { // a state that a crash has taken back does not name all that is needed
			continue
		}
		if err := u.blobs.Collect(ctx, u.opts.Clock()); err != nil && ctx.Err() == nil {
			u.log.WarnContext(ctx, "nothing is collected of the blobs that nobody needs", "error", err)
		}
		if u.monitor.stateFault() == nil { // by a state that is in doubt nothing is erased that could be needed
			if err := u.mpc.Queries.EraseForgotten(); err != nil {
				u.log.WarnContext(ctx, "noise and shares of queries that are forgotten stay", "error", err)
			}
		}
		if err := u.backups.releaseIdle(); err != nil {
			u.log.WarnContext(ctx, "a ledger that was held ready for a backup stays", "error", err)
		}
	}
}

// scrubState reads the whole state. Damage stops the ledger, see [consensus.Ledger.ScrubState].
func (u *upkeep) scrubState(ctx context.Context, pace func(context.Context) error) {
	if err := u.ledger.ScrubState(ctx, pace); err != nil && ctx.Err() == nil {
		u.log.ErrorContext(ctx, "scrub the state", "error", u.advised(err))
	}
}

// unpaced is the pace of the scrub when the node starts: until it is over nobody knows whether the state is what it
// was.
func unpaced(ctx context.Context) error { return ctx.Err() }

// paced waits as long as a scrub of blobs does after each.
func (u *upkeep) paced(ctx context.Context) error {
	ticks, stop := u.opts.Ticks(u.opts.ScrubPause)
	defer stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ticks:
		return nil
	}
}
