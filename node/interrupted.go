package node

import (
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
)

// startedAnew is why attempts end that an earlier run of a member was part of.
func startedAnew(id string) catalog.Reason { return catalog.Why("node.started_anew", id) }

// noteInterrupted remembers the attempts that an earlier run of this node's
// process left in its state. What the others sent it for them was in memory and
// is gone, and nobody sends it again: left alone, all would wait until the
// attempt's time is over. (A leader notices that a member was started anew, but
// only when it led before and after.) The state is the right place to look: a
// message is taken only for an attempt that the state asks for. It is called
// before anything of this run is taken.
func (rec *reconciler) noteInterrupted() error {
	interrupted := map[string]bool{}
	err := rec.view(func(v state.View) error {
		for _, part := range []func(state.View) ([]task, error){rec.queryTasks, rec.vectorTasks, rec.versionTasks} {
			list, err := part(v)
			if err != nil {
				return err
			}
			for _, t := range list {
				if t.session != "" {
					interrupted[t.session] = true
				}
			}
		}
		return nil
	})
	rec.interrupted = interrupted
	return err
}

// part is the task of doing this node's part in an attempt, or of ending the attempt when an
// earlier run of this node was part of it.
func (rec *reconciler) part(session string, do func(context.Context) error, kind catalog.Kind, fail any) task {
	if !rec.interrupted[session] {
		return task{name: session, session: session, run: do}
	}
	return task{name: "end " + session, session: session, run: func(ctx context.Context) error { return rec.access.act(ctx, kind, fail) }}
}
