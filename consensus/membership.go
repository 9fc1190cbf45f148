package consensus

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// AddNonvoter makes a node a member, without a vote. It is given one when it has what was
// committed, if it is to have one (Options.Votes): so that no majority needs a node that has
// yet to catch up. It returns when the change is committed. Leader only. It fails when the latest
// configuration is no longer the one at index from; 0: whichever it is.
func (l *Ledger) AddNonvoter(ctx context.Context, m Member, from uint64) error {
	if m.ID == "" || m.Addr == "" {
		return fmt.Errorf("add a member: id %q and address %q must both be given", m.ID, m.Addr)
	}
	return l.change(ctx, "add "+m.ID, func() raft.Future {
		at := endpoint{addr: m.Addr, incarnation: l.raft.incarnationOf(m.ID)}
		return l.raft.AddNonvoter(raft.ServerID(m.ID), at.address(), from, l.opts.NoQuorumTimeout)
	})
}

// Demote takes a member's vote, which Options.Votes must not give back. Leader only, of others. from
// is as for AddNonvoter.
func (l *Ledger) Demote(ctx context.Context, id string, from uint64) error {
	return l.change(ctx, "demote "+id, func() raft.Future {
		return l.raft.DemoteVoter(raft.ServerID(id), from, l.opts.NoQuorumTimeout)
	})
}

// Votes are the members in the latest configuration that this node knows, and whether they
// vote.
func (l *Ledger) Votes() map[string]bool { return votesIn(l.raft.GetConfiguration().Configuration()) }

func votesIn(c raft.Configuration) map[string]bool {
	votes := map[string]bool{}
	for _, s := range c.Servers {
		votes[string(s.ID)] = s.Suffrage == raft.Voter
	}
	return votes
}

// Configuration is who the members are as of an index of the log; 0: it is not known.
type Configuration struct {
	Index uint64
	Votes map[string]bool // of every member
}

// Configuration returns the latest configuration to a leader whose state has all that was committed
// before it led. Until then known is false: a configuration counts from when it is in the log, so it
// may be newer than what the state says of who is to be a member.
func (l *Ledger) Configuration() (c Configuration, known bool) {
	if !l.raft.leads() {
		return c, false
	}
	config := l.raft.GetConfiguration().Configuration()
	index, latest := l.disk.log.indexOf(config)
	c = Configuration{Index: index, Votes: votesIn(config)}
	return c, latest && l.disk.log.appliedBefore(l.raft.CurrentTerm(), l.raft.CommitIndex(), l.disk.applied())
}

// RemoveServer ends a node's membership. It returns when the change is
// committed. Leader only; a leader that removes itself steps down. from is as for AddNonvoter.
func (l *Ledger) RemoveServer(ctx context.Context, id string, from uint64) error {
	return l.change(ctx, "remove "+id, func() raft.Future {
		return l.raft.RemoveServer(raft.ServerID(id), from, l.opts.NoQuorumTimeout)
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
