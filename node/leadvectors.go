package node

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/mpc"
)

// stuck ends a registration that does not get on although all nodes are up, or
// returns nil: its sealed shares may be nowhere. One that waits for a node that is
// down waits as long as its owner likes, who may drop it.
func (l *leader) stuck(x catalog.Vector, seen map[string]bool) *task {
	var missing []string
	for i, id := range x.Nodes {
		if x.State == catalog.VectorStoring && x.Nonces[i] == nil || x.State == catalog.VectorLining && x.Lines[i] == nil {
			missing = append(missing, id)
		}
	}
	if len(l.health.dead(x.Nodes)) > 0 {
		return nil
	}
	name := fmt.Sprintf("vector/%s/%s/%d", x.ID, x.State, len(missing))
	seen[name] = true
	if l.sights.since(name, l.opts.Clock()) <= l.opts.attemptTime() {
		return nil
	}
	lacks := "vector.stuck_storing"
	if x.State == catalog.VectorLining {
		lacks = "vector.stuck_lining"
	}
	d := l.decide(name, catalog.KindVectorFail, catalog.VectorFail{
		Vector: x.ID, Reason: catalog.Why(lacks, l.opts.attemptTime(), missing),
	})
	return &d
}

// leadVectors names attempts of the second check and ends those that cannot
// complete, and registrations that do not get on.
func (l *leader) leadVectors(v state.View, seen map[string]bool) (list []task, err error) {
	pending, err := v.PendingVectors()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, x := range pending {
		if x.State != catalog.VectorProving {
			if d := l.stuck(x, seen); d != nil {
				list = append(list, *d)
			}
			continue
		}
		if a, under := mpc.UnderWay(x.Attempts); under {
			session := mpc.VectorSession(x.ID, a.Number)
			if reason := l.overdue(session, a, seen); !reason.IsZero() {
				list = append(list, l.decide(session, catalog.KindVectorFail, catalog.VectorFail{Vector: x.ID, Attempt: a.Number, Reason: reason}))
			}
			continue
		}
		active, _, err := l.choose(x.Nodes, x.Attempts)
		if err != nil {
			errs = append(errs, fmt.Errorf("choose who checks vector %s: %w", x.ID, err))
		}
		if active != nil {
			number := len(x.Attempts) + 1
			list = append(list, l.decide(mpc.VectorSession(x.ID, number), catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: x.ID, Attempt: number, Active: active}))
		}
	}
	return list, errors.Join(errs...)
}
