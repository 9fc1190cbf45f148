package node

import (
	"fmt"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/mpc"
)

// dueEvery is how often the leader looks for shares that are due to be made anew.
const dueEvery = time.Minute

// leadHealth asks for new shares of what is due by the schedule, and has the shares of every key
// tried once a day.
func (l *leader) leadHealth(v state.View, seen map[string]bool) (list []task, err error) {
	now := l.opts.Clock()
	if l.dueLooked.IsZero() || now.Sub(l.dueLooked) >= dueEvery {
		keys, vectors, err := v.RefreshDue(now.UnixMilli())
		if err != nil {
			return nil, err
		}
		if len(keys)+len(vectors) == 0 {
			l.dueLooked = now
		} else { // looked at again until the ledger has it
			list = append(list, l.decide("", catalog.KindRefreshDue, resharing.Due{}))
		}
	}
	keys, err := v.Keys().All()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		c, err := v.Keys().Canary(k.ID)
		if err != nil {
			return nil, err
		}
		if c.Number > 0 && c.Ended == 0 {
			list = append(list, l.endStuckCanary(c, seen)...)
			continue
		}
		every := int64(resharing.CanaryEvery)
		if !c.Reason.IsZero() && c.Sharing == k.InForce() { // the last one came to nothing
			every = resharing.CanaryAgain
		}
		due := max(c.Began, resharing.SharedAt(k)) + every
		if c.Found() && c.Sharing == k.InForce() || c.VainUnder(k.InForce()) >= resharing.MaxVain {
			continue // until there are other shares
		}
		if k.State != catalog.KeyReady || k.Refresh != nil || now.UnixMilli() < due || len(l.health.dead(l.ids())) > 0 {
			continue
		}
		b := resharing.CanaryBegin{Key: k.ID, Number: c.Number + 1}
		list = append(list, l.decide(fmt.Sprintf("%s/%d", k.ID, b.Number), catalog.KindCanaryBegin, b))
	}
	return list, nil
}

// endStuckCanary ends a canary that does not get on.
func (l *leader) endStuckCanary(c resharing.Canary, seen map[string]bool) []task {
	open := c.Open()
	name := fmt.Sprintf("canary/%s/%d/%d", c.Key, c.Number, len(open))
	seen[name] = true
	if l.looks.Since(name, l.opts.Clock()) <= l.opts.CeremonyTimeout {
		return nil
	}
	var sets []string
	for _, set := range open {
		sets = append(sets, mpc.CanarySession(c.Key, c.Number, set))
	}
	reason := catalog.Why("canary.stuck", l.opts.CeremonyTimeout, sets)
	return []task{l.decide(name, catalog.KindCanaryFail, resharing.CanaryFail{Key: c.Key, Number: c.Number, Reason: reason})}
}
