package node

import (
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/mpc"
)

// maxMoveLook bounds how many vectors that are to be moved the leader looks at. Those that
// cannot be moved now are being moved, or their old shares are being erased.
const maxMoveLook = 2048

// leadMoves begins moves of private vectors, one after the other, names attempts of their second
// check, and ends what does not get on. All nodes must be up to begin one.
func (l *leader) leadMoves(v state.View, seen map[string]bool) (list []task, err error) {
	moves, err := v.Vectors().Moves()
	if err != nil {
		return nil, err
	}
	for _, m := range moves {
		if m.State != resharing.Erasing {
			return l.leadMove(m, seen)
		}
	}
	waiting, err := v.Vectors().ToMove(maxMoveLook)
	if err == nil {
		waiting, err = v.Vectors().Free(waiting, l.opts.Clock().UnixMilli())
	}
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	cluster, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	var without []string // their seats were given up, and they may be gone for good
	for _, id := range l.health.dead(l.ids()) {
		if l.hasSeat(id) {
			return nil, nil
		}
		without = append(without, id)
	}
	if b, some := resharing.Next(waiting, cluster, without); some {
		list = append(list, l.decide(fmt.Sprintf("%s/%d", b.Vectors[0], len(b.Vectors)), catalog.KindMoveBegin, b))
	}
	return list, nil
}

// leadMove names attempts of a move's second check, and ends what does not get on.
func (l *leader) leadMove(m resharing.Move, seen map[string]bool) (list []task, err error) {
	if m.State != resharing.Proving {
		session := mpc.MoveSession(m.Seq)
		name := fmt.Sprintf("%s/%s/%d", session, m.State, len(m.Waits()))
		seen[name] = true
		if l.looks.Since(name, l.opts.Clock()) <= l.opts.attemptTime() {
			return nil, nil
		}
		reason := catalog.Why("move.stuck", m.State, l.opts.attemptTime(), m.Waits())
		return []task{l.decide(session, catalog.KindMoveFail, resharing.Fail{Move: m.Seq, Reason: reason})}, nil
	}
	if a, under := mpc.UnderWay(m.Tries); under {
		session := mpc.MoveCheckSession(m.Seq, a.Number)
		if reason := l.overdue(session, a, seen); !reason.IsZero() {
			list = append(list, l.decide(session, catalog.KindMoveFail, resharing.Fail{Move: m.Seq, Attempt: a.Number, Reason: reason}))
		}
		return list, nil
	}
	active, _, err := l.choose(m.Target(), m.To, m.Tries, false)
	if err != nil {
		return nil, fmt.Errorf("choose who checks the vectors %s: %w", strings.Join(m.Vectors, ", "), err)
	}
	if active != nil {
		number := len(m.Tries) + 1
		list = append(list, l.decide(mpc.MoveCheckSession(m.Seq, number), catalog.KindMoveAttempt, resharing.Attempt{Move: m.Seq, Attempt: number, Active: active}))
	}
	return list, nil
}
