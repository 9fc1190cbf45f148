package node

import (
	"context"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// startedAnew is why attempts end that an earlier run of a member was part of.
const startedAnew = "was started anew"

// noteInterrupted remembers the attempts that an earlier run of this node's
// process left in its state. What the others sent it for them was in memory and
// is gone, and nobody sends it again: left alone, all would wait until the
// attempt's time is over. (A leader notices that a member was started anew, but
// only when it led before and after.) The state is the right place to look: a
// parcel is taken only for an attempt that the state asks for. It is called
// before anything of this run is taken.
func (n *Node) noteInterrupted() error {
	n.interrupted = map[string]bool{}
	return n.view(func(v catalog.View) error {
		queries, err := v.PendingQueries()
		if err != nil {
			return err
		}
		for _, q := range queries {
			if a, member := running(q.Attempts, n.id); member && !slices.Contains(q.Shares, n.id) && !slices.Contains(q.Cohort, n.id) {
				n.interrupted[querySession(q.ID, a.Number)] = true
			}
		}
		vectors, err := v.PendingVectors()
		if err != nil {
			return err
		}
		for _, x := range vectors {
			a, member := running(x.Attempts, n.id)
			if at := slices.Index(a.Active, n.id); member && (at >= len(x.Checks) || x.Checks[at] == nil) {
				n.interrupted[vectorSession(x.ID, a.Number)] = true
			}
		}
		versions, err := v.PendingVersions()
		if err != nil {
			return err
		}
		for _, x := range versions {
			a, member := running(x.Attempts, n.id)
			if at := slices.Index(a.Active, n.id); member && (at >= len(x.Held) || !x.Held[at]) {
				n.interrupted[versionSession(x.Dataset, x.Version, a.Number)] = true
			}
		}
		return nil
	})
}

// unless returns work, or the duty of ending its attempt when an earlier run of
// this node was part of it.
func (n *Node) unless(work duty, kind catalog.Kind, fail any) duty {
	if !n.interrupted[work.session] {
		return work
	}
	return duty{name: "end " + work.session, session: work.session, run: func(ctx context.Context) error { return n.act(ctx, kind, fail) }}
}
