package consensus

import (
	"context"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"
)

// readmission has this node, while it leads, take up members that lost their ledgers, and
// give a vote to those that have caught up.
type readmission struct{ ledger *Ledger }

// run makes at most two changes in a heartbeat timeout, whatever the members do.
func (r readmission) run(ctx context.Context) {
	l := r.ledger
	tick := time.NewTicker(l.opts.HeartbeatTimeout / 2)
	defer tick.Stop()
	var committed uint64 // at the last look
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.life.failed:
			return
		case <-tick.C:
		}
		if !l.raft.leads() {
			committed = 0
			continue
		}
		if committed > 0 {
			if err := r.next(ctx, committed); err != nil && ctx.Err() == nil {
				l.logger.Warn("taking up a member", slog.String("error", err.Error()))
			}
		}
		committed = l.raft.CommitIndex()
	}
}

// next takes the next step for the first member that needs one. A member gets its vote
// back when it has what was committed at the last look. The steps are those of one
// configuration: raft refuses one when another came between.
func (r readmission) next(ctx context.Context, committed uint64) error {
	l := r.ledger
	config := l.raft.GetConfiguration().Configuration()
	index, latest := l.disk.log.indexOf(config)
	if !latest {
		return nil
	}
	for _, s := range config.Servers {
		if string(s.ID) == l.opts.ID {
			continue
		}
		at := endpointOf(s)
		met, known := l.raft.trans.metAs(s)
		switch {
		case known && met != at.incarnation && s.Suffrage == raft.Voter:
			return r.step(ctx, s, "demote", func() raft.Future {
				return l.raft.DemoteVoter(s.ID, index, l.opts.NoQuorumTimeout)
			})
		case known && met != at.incarnation:
			next := endpoint{addr: at.addr, incarnation: met}
			return r.step(ctx, s, "add without a vote", func() raft.Future {
				return l.raft.AddNonvoter(s.ID, next.address(), index, l.opts.NoQuorumTimeout)
			})
		case s.Suffrage != raft.Voter && (l.opts.Votes == nil || l.opts.Votes(string(s.ID))) && l.raft.trans.logOf(s.Address) >= committed:
			return r.step(ctx, s, "give a vote to", func() raft.Future {
				return l.raft.AddVoter(s.ID, s.Address, index, l.opts.NoQuorumTimeout)
			})
		}
	}
	return nil
}

func (r readmission) step(ctx context.Context, s raft.Server, what string, start func() raft.Future) error {
	r.ledger.logger.Warn("a member is taken up", slog.String("member", string(s.ID)), slog.String("step", what))
	return r.ledger.change(ctx, what+" "+string(s.ID), start)
}
