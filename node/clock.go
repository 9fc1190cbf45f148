package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
)

// errClock is returned by a leader whose own clock cannot be right. Its time
// would become the cluster's, which never runs backwards: one entry stamped a
// year ahead would end contracts and have every client refused for a year.
var errClock = errors.New("this node's clock is wrong")

// errUncompared is returned by a leader that was started so lately that it does
// not know yet whether its clock is right.
var errUncompared = errors.New("this node has not compared its clock with enough others yet")

// maxSkew is catalog.MaxSkew as a duration.
const maxSkew = catalog.MaxSkew * time.Millisecond

// Whose clocks count is who votes in the ledger, not who has a seat. What is committed takes a
// majority of voters, so that one is there to be heard whenever an entry can be made; nodes of new seats
// that have not started yet, and have no vote, would keep entries from being made by which they get
// it or their seats are given up again. It takes no more trust either: fewer than half of the voters
// that deviate do not move the time ahead of the others, and half of them could stop the ledger. A node
// that leaves counts for as long as it votes, and no longer. The voters are those that this node
// knows, as leader the latest: a change of them takes a majority of those before.

// clockFault returns an error that wraps errClock when a majority of the voters,
// this node not counted, tells another time than this node, and when this node's
// clock was set since it was last compared, which is too lately for the others to
// have noticed. With fewer to compare with, nobody can say whose clock is wrong,
// and it is nil.
//
// So an entry has a time within catalog.MaxSkew of that of a majority of voters, or
// a leader proposed it that lies about its clock; and then the envelope's own
// dates bound it (see state.Machine.Apply).
func (mon *monitor) clockFault() error {
	if by := mon.health.jumped(mon.opts.Clock(), time.Now()); by > maxSkew || by < -maxSkew {
		return fmt.Errorf("%w: it was set by %s since it was last compared with another node's", errClock, by.Round(time.Second))
	}
	voters := mon.voters()
	others, ahead := mon.health.clocksOff(voters)
	if len(others) < len(voters)/2+1 {
		return nil
	}
	how, by := "behind", ahead.Round(time.Second)
	if ahead < 0 {
		how, by = "ahead of", -by
	}
	return fmt.Errorf("%w: it is %s %s that of %s; set it", errClock, by, how, strings.Join(others, ", "))
}

// stamp returns the time for an entry: this node's clock, but no later than what the clocks
// of a majority of the voters have reached. That is the median, where all are heard; a
// clock that was not heard counts as one that has reached nothing, since the time of the
// ledger never runs back: too early does no harm that does not pass, too late does. So
// fewer than half of the clocks, wherever they are, do not move it ahead of the others.
// Nothing is added for the way of an answer: it makes the other clock seem later.
//
// The error wraps errClock where the bound is further behind this clock than
// catalog.MaxSkew. Without too few nodes to be heard clockFault would have known; with
// them, entries would have a time at which envelopes of now are refused for good.
func (mon *monitor) stamp() (time.Time, error) {
	now := mon.opts.Clock()
	ahead := mon.health.majorityAhead(mon.voters(), mon.id)
	if ahead == nil {
		return time.Time{}, errUncompared
	}
	if *ahead < -maxSkew {
		return time.Time{}, fmt.Errorf("%w, or that of another node: it is %s ahead of what a majority of the nodes is known to "+
			"tell, and the others do not answer; set the clocks, or start the others", errClock, (-*ahead).Round(time.Second))
	}
	return now.Add(min(0, *ahead)), nil
}

// timeKnown reports whether the founding may be stamped with this node's time: a
// majority, or, where those who were heard disagree, everybody was heard. (A
// node that has just started has compared its clock with nobody's.)
func (mon *monitor) timeKnown() bool {
	voters := mon.voters()
	heard := mon.health.heard(voters)
	off, _ := mon.health.clocksOff(voters)
	if len(off) > 0 {
		return heard == len(voters)-1
	}
	return heard >= len(voters)/2
}

// resign is the task of a leader whose clock is wrong, or that has no room for
// entries: another one has to stamp and propose them.
func (l *leader) resign() task {
	return task{name: "resign", run: func(ctx context.Context) error {
		return l.ledger.TransferLeadership(ctx, "")
	}}
}
