package consensus

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// AddNonvoter makes a node a member, without a vote. It is given one when it has what was
// committed, if it is to have one (Options.Votes): so that no majority needs a node that has
// yet to catch up. It returns when the change is committed. Leader only.
func (l *Ledger) AddNonvoter(ctx context.Context, m Member) error {
	if m.ID == "" || m.Addr == "" {
		return fmt.Errorf("add a member: id %q and address %q must both be given", m.ID, m.Addr)
	}
	return l.change(ctx, "add "+m.ID, func() raft.Future {
		at := endpoint{addr: m.Addr, incarnation: l.raft.incarnationOf(m.ID)}
		return l.raft.AddNonvoter(raft.ServerID(m.ID), at.address(), 0, l.opts.NoQuorumTimeout)
	})
}

// Demote takes a member's vote, which Options.Votes must not give back. Leader only, of others.
func (l *Ledger) Demote(ctx context.Context, id string) error {
	return l.change(ctx, "demote "+id, func() raft.Future {
		return l.raft.DemoteVoter(raft.ServerID(id), 0, l.opts.NoQuorumTimeout)
	})
}

// Votes are the members in the latest configuration that this node knows, and whether they
// vote.
func (l *Ledger) Votes() map[string]bool {
	votes := map[string]bool{}
	for _, s := range l.raft.GetConfiguration().Configuration().Servers {
		votes[string(s.ID)] = s.Suffrage == raft.Voter
	}
	return votes
}

// RemoveServer ends a node's membership. It returns when the change is
// committed. Leader only; a leader that removes itself steps down.
func (l *Ledger) RemoveServer(ctx context.Context, id string) error {
	return l.change(ctx, "remove "+id, func() raft.Future {
		return l.raft.RemoveServer(raft.ServerID(id), 0, l.opts.NoQuorumTimeout)
	})
}

// TransferLeadership makes the member with that id the leader, or, when it is
// empty, the one that is furthest. Leader only.
func (l *Ledger) TransferLeadership(ctx context.Context, id string) error {
	l.transfers.Add(1)
	defer l.transfers.Add(-1)
	if id == "" {
		return l.change(ctx, "transfer leadership", l.raft.LeadershipTransfer)
	}
	for _, s := range l.raft.GetConfiguration().Configuration().Servers {
		if string(s.ID) == id && s.Suffrage == raft.Voter {
			return l.change(ctx, "transfer leadership to "+id, func() raft.Future {
				return l.raft.LeadershipTransferToServer(s.ID, s.Address)
			})
		}
	}
	return fmt.Errorf("transfer leadership to %s: not a voting member", id)
}

// Snapshot writes a snapshot now and compacts the log behind it. When nothing
// was applied yet it does nothing.
func (l *Ledger) Snapshot(ctx context.Context) error {
	end, err := l.life.enter()
	if err != nil {
		return err
	}
	defer end()
	switch err := l.life.await(ctx, func() error { return l.raft.Snapshot().Error() }); {
	case err == nil, errors.Is(err, raft.ErrNothingNewToSnapshot):
		return nil
	default:
		return fmt.Errorf("write a snapshot: %w", l.mapped(err))
	}
}

// Members returns the latest configuration that this node knows. It may not be
// committed yet.
func (l *Ledger) Members() []Member {
	// The future is there already, and has no error.
	c := l.raft.GetConfiguration().Configuration()
	out := make([]Member, 0, len(c.Servers))
	for _, s := range c.Servers {
		out = append(out, Member{ID: string(s.ID), Addr: endpointOf(s).addr})
	}
	return out
}

// change runs an operation of the leader within the time for a quorum.
func (l *Ledger) change(ctx context.Context, what string, start func() raft.Future) error {
	end, err := l.life.enter()
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := l.quorumContext(ctx)
	defer cancel()
	if err := l.awaitLeadership(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	switch err := l.life.await(ctx, func() error { return start().Error() }); {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrLeadershipLost):
		return fmt.Errorf("%s: %w", what, l.outcomeUnknown(ctx, err))
	default:
		return fmt.Errorf("%s: %w", what, l.mapped(err))
	}
}
