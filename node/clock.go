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

// clockFault returns an error that wraps errClock when a majority of the roster,
// this node not counted, tells another time than this node, and when this node's
// clock was set since it was last compared, which is too lately for the others to
// have noticed. With fewer to compare with, nobody can say whose clock is wrong,
// and it is nil.
//
// So an entry has a time within catalog.MaxSkew of that of a majority of nodes, or
// a leader proposed it that lies about its clock; and then the envelope's own
// dates bound it (see catalog.Machine.Apply).
func (n *Node) clockFault() error {
	if by := n.health.jumped(n.opts.Clock(), time.Now()); by > maxSkew || by < -maxSkew {
		return fmt.Errorf("%w: it was set by %s since it was last compared with another node's", errClock, by.Round(time.Second))
	}
	others, ahead := n.health.clocksOff()
	if len(others) < len(n.roster)/2+1 {
		return nil
	}
	how, by := "behind", ahead.Round(time.Second)
	if ahead < 0 {
		how, by = "ahead of", -by
	}
	return fmt.Errorf("%w: it is %s %s that of %s; set it", errClock, by, how, strings.Join(others, ", "))
}

// timeKnown reports whether the founding may be stamped with this node's time: a
// majority, or, where those who were heard disagree, everybody was heard. (A
// node that has just started has compared its clock with nobody's.)
func (n *Node) timeKnown() bool {
	heard := n.health.heard()
	off, _ := n.health.clocksOff()
	if len(off) > 0 {
		return heard == len(n.roster)-1
	}
	return heard >= len(n.roster)/2
}

// resign is the duty of a leader whose clock is wrong, or that has no room for
// entries: another one has to stamp and propose them.
func (n *Node) resign() duty {
	return duty{name: "resign", run: func(ctx context.Context) error {
		return n.ledger.TransferLeadership(ctx, "")
	}}
}
