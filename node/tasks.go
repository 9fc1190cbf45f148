package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/mpc"
)

// derive lists what the state asks of this node, as a member and as leader.
// What a leader cannot decide is logged and keeps it from nothing else.
func (rec *reconciler) derive() (list []task, err error) {
	for _, t := range rec.blobs.Tasks() { // they follow from this node's disk, not from the ledger
		list = append(list, task{name: t.Name, run: t.Run})
	}
	leads := rec.ledger.IsLeader()
	if rec.monitor.stateFault() != nil { // what it would derive may be wrong
		if leads && rec.monitor.canHandOver() {
			list = append(list, rec.leader.resign())
		}
		return list, nil
	}
	if leads && (rec.monitor.clockFault() != nil || rec.ledger.Full() != nil) {
		list, leads = append(list, rec.leader.resign()), false
	}
	if leads { // before the state is looked at, which is no older then
		rec.leader.ledgerNow, rec.leader.ledgerKnown = rec.ledger.Configuration()
	}
	at := rec.ledger.AppliedIndex() // before the state is opened, which is no older
	err = rec.ledger.View(func(r records.Reader) error {
		parts := []func(state.View) ([]task, error){rec.restoreTasks, rec.depositTasks, rec.keyTasks, rec.versionTasks, rec.vectorTasks, rec.moveTasks, rec.canaryTasks, rec.queryTasks, rec.forgetTasks, rec.eraseTasks}
		if leads {
			parts = append(parts, rec.foundingTask)
		}
		for i, part := range parts {
			d, err := rec.kept.of(i, at, r, func(v state.View) (derived, error) {
				list, err := part(v)
				return derived{list: list}, err
			})
			if err != nil {
				return err
			}
			list = append(list, d.list...)
		}
		if leads {
			d, err := rec.leader.lead(r, at)
			list = append(list, d...)
			rec.leader.complain(err)
		} else {
			rec.leader.kept.drop()
		}
		return nil
	})
	return list, err
}

// foundingTask proposes the founding while there is no cluster.
func (rec *reconciler) foundingTask(v state.View) ([]task, error) {
	_, err := v.Cluster()
	if !errors.Is(err, records.ErrNotFound) {
		return nil, err
	}
	if !rec.monitor.timeKnown() {
		return nil, nil
	}
	return []task{{name: "found", run: func(ctx context.Context) error {
		r, err := rec.access.Submit(ctx, rec.opts.Genesis.Envelope, false)
		if err == nil && r.Outcome.Refusal != nil {
			err = r.Outcome.Refusal
		}
		return err
	}}}, nil
}

func (rec *reconciler) keyTasks(v state.View) (list []task, err error) {
	keys, err := v.Keys().All()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if at := k.Before().Point(rec.id); k.Retired != nil && at > 0 && !k.Retired.Erased[at-1] {
			needed, err := rec.opensSince(v, k.Retired.Since)
			if err != nil {
				return nil, err
			}
			if !needed {
				list = append(list, task{
					name: "erase " + mpc.SharingSession(k.Retired.Sharing),
					run:  func(ctx context.Context) error { return rec.mpc.Ceremonies.Erase(ctx, k) },
				})
			}
		}
		sharing, step, under := k.UnderWay()
		if !under {
			continue
		}
		session := mpc.SharingSession(sharing)
		if !rec.hasPart(k, step) {
			list = append(list, task{session: session}) // the others' turn
			continue
		}
		list = append(list, task{
			name: fmt.Sprintf("%s/%s", session, step), session: session,
			run: func(ctx context.Context) error { return rec.mpc.Ceremonies.Step(ctx, k) },
		})
	}
	return list, nil
}

// hasPart reports whether something is left for this node to do in the present step of an
// attempt to make a key or to share it anew.
func (rec *reconciler) hasPart(k catalog.Key, step catalog.KeyState) bool {
	gets := k.Target().Point(rec.id) > 0
	switch {
	case step == catalog.KeyTesting:
		return gets
	case step == catalog.KeyDealing && !gets: // who deals, and gets no share, has no acknowledgement to give
		return slices.Contains(mpc.Senders(k), rec.id)
	}
	return slices.Contains(mpc.Missing(k), rec.id)
}

// opensSince reports whether this node is in an attempt under way that was named at or before a
// time: what was in force then is opened under.
func (rec *reconciler) opensSince(v state.View, since int64) (bool, error) {
	old := func(attempts []catalog.Attempt) bool {
		a, member := mpc.Member(attempts, rec.id)
		return member && a.Named <= since
	}
	queries, err := v.PendingQueries()
	if err != nil {
		return false, err
	}
	versions, err := v.Versions().Pending()
	if err != nil {
		return false, err
	}
	for _, q := range queries {
		if old(q.Attempts) {
			return true, nil
		}
	}
	for _, x := range versions {
		if old(x.Attempts) {
			return true, nil
		}
	}
	return false, nil
}

func (rec *reconciler) versionTasks(v state.View) (list []task, err error) {
	unacked, err := v.Versions().Unacked(rec.id)
	if err != nil {
		return nil, err
	}
	for _, u := range unacked {
		list = append(list, task{
			name: fmt.Sprintf("store/%s/%d", u.Dataset, u.Version),
			run:  func(ctx context.Context) error { return rec.versions.Acknowledge(ctx, u.Dataset, u.Version) },
		})
	}
	pending, err := v.Versions().Pending()
	if err != nil {
		return nil, err
	}
	for _, p := range pending {
		a, member := mpc.Member(p.Attempts, rec.id)
		if at := slices.Index(a.Active, rec.id); p.State != catalog.VersionStored || !member || (at < len(p.Held) && p.Held[at]) {
			continue
		}
		open := func(ctx context.Context) error { return rec.mpc.Queries.OpenParity(ctx, p.Dataset, p.Version, a) }
		list = append(list, rec.part(mpc.VersionSession(p.Dataset, p.Version, a.Number), open, catalog.KindVersionFail,
			catalog.VersionFail{Dataset: p.Dataset, Version: p.Version, Attempt: a.Number, Reason: startedAnew(rec.id)}))
	}
	return list, nil
}

// queryTasks lists the oldest queries that this node has to open, at most
// mpc.MaxQueries. All nodes go by age, so the oldest of all is under way at every
// one of its members, whatever else they do: no two nodes wait for each other.
// What others send for the younger ones is kept meanwhile.
func (rec *reconciler) queryTasks(v state.View) (list []task, err error) {
	pending, err := v.PendingQueries()
	if err != nil {
		return nil, err
	}
	started := 0
	for _, q := range pending {
		a, member := mpc.Member(q.Attempts, rec.id)
		if !member || slices.Contains(q.Shares, rec.id) || slices.Contains(q.Failing, rec.id) {
			continue
		}
		session := mpc.QuerySession(q.ID, a.Number)
		if started++; started > mpc.MaxQueries {
			list = append(list, task{session: session})
			continue
		}
		answer := func(ctx context.Context) error { return rec.mpc.Queries.Answer(ctx, q.ID, a) }
		list = append(list, rec.part(session, answer, catalog.KindQueryFail,
			catalog.QueryFail{Query: q.ID, Attempt: a.Number, Reason: startedAnew(rec.id)}))
	}
	return list, nil
}

// eraseEvery is how many ticks pass between two looks for shares of vectors that are no longer
// needed.
const eraseEvery = 10

// vectorTasks lists what registrations of private vectors ask of this node
// (PROTOCOL.md section 6): to hold its share, then to publish its line, then its part in
// the check of the bits.
func (rec *reconciler) vectorTasks(v state.View) (list []task, err error) {
	pending, err := v.Vectors().Pending()
	if err != nil {
		return nil, err
	}
	for _, x := range pending {
		at := slices.Index(x.Nodes, rec.id)
		if at < 0 {
			continue
		}
		switch {
		case x.State == catalog.VectorStoring && x.Nonces[at] == nil:
			list = append(list, task{name: "vector/" + x.ID + "/hold", run: func(ctx context.Context) error { return rec.mpc.Vectors.Hold(ctx, x) }})
		case x.State == catalog.VectorLining && x.Lines[at] == nil:
			list = append(list, task{name: "vector/" + x.ID + "/line", run: func(ctx context.Context) error { return rec.mpc.Vectors.Line(ctx, x) }})
		case x.State == catalog.VectorProving:
			list = append(list, rec.bitsTask(x)...)
		}
	}
	return list, nil
}

// eraseTasks lists the shares of vectors that are held here for nothing.
func (rec *reconciler) eraseTasks(v state.View) (list []task, err error) {
	gone, err := rec.mpc.Vectors.Gone(v, eraseEvery*rec.opts.Tick)
	if err != nil {
		return nil, err
	}
	for _, id := range gone {
		list = append(list, task{name: "vector/" + id + "/erase", run: func(context.Context) error { return rec.mpc.Vectors.Erase(id) }})
	}
	return list, nil
}

// canaryTasks lists the sets of canaries that this node has to open (PROTOCOL.md section 1.7).
func (rec *reconciler) canaryTasks(v state.View) (list []task, err error) {
	keys, err := v.Keys().All()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		c, err := v.Keys().Canary(k.ID)
		if err != nil {
			return nil, err
		}
		for _, set := range c.Open() {
			if c.Sharing != k.InForce() || !slices.Contains(resharing.CanarySets(len(c.Nodes), c.Threshold)[set], slices.Index(c.Nodes, rec.id)+1) {
				continue
			}
			session := mpc.CanarySession(c.Key, c.Number, set)
			list = append(list, task{
				name: session, session: session,
				run: func(ctx context.Context) error { return rec.mpc.Ceremonies.Canary(ctx, c, set) },
			})
		}
	}
	return list, nil
}

// moveTasks lists what moves of private vectors ask of this node (PROTOCOL.md section 6.9).
func (rec *reconciler) moveTasks(v state.View) (list []task, err error) {
	moves, err := v.Vectors().Moves()
	if err != nil {
		return nil, err
	}
	for _, m := range moves {
		session := mpc.MoveSession(m.Seq)
		if m.State == resharing.Proving {
			list = append(list, rec.moveBitsTask(m)...)
			continue
		}
		if !slices.Contains(m.Waits(), rec.id) {
			list = append(list, task{session: session}) // the others' turn
			continue
		}
		if m.State == resharing.Erasing {
			needed, err := rec.opensSince(v, m.InForce)
			if err != nil {
				return nil, err
			}
			if needed {
				continue
			}
		}
		list = append(list, task{
			name: fmt.Sprintf("%s/%s", session, m.State), session: session,
			run: func(ctx context.Context) error { return rec.mpc.Moves.Step(ctx, m) },
		})
	}
	return list, nil
}

// moveBitsTask is this node's part in the attempt of a move's second check that is under way.
func (rec *reconciler) moveBitsTask(m resharing.Move) []task {
	a, member := mpc.Member(m.Tries, rec.id)
	if at := slices.Index(a.Active, rec.id); !member || at < len(m.Checks) && m.Checks[at] != nil {
		return nil
	}
	check := func(ctx context.Context) error { return rec.mpc.Moves.CheckBits(ctx, m, a) }
	return []task{rec.part(mpc.MoveCheckSession(m.Seq, a.Number), check, catalog.KindMoveFail,
		resharing.Fail{Move: m.Seq, Attempt: a.Number, Reason: startedAnew(rec.id)})}
}

// bitsTask is this node's part in the attempt of the second check that is under way.
func (rec *reconciler) bitsTask(x catalog.Vector) []task {
	a, member := mpc.Member(x.Attempts, rec.id)
	if at := slices.Index(a.Active, rec.id); !member || at < len(x.Checks) && x.Checks[at] != nil {
		return nil
	}
	check := func(ctx context.Context) error { return rec.mpc.Vectors.CheckBits(ctx, x, a) }
	return []task{rec.part(mpc.VectorSession(x.ID, a.Number), check, catalog.KindVectorFail,
		catalog.VectorFail{Vector: x.ID, Attempt: a.Number, Reason: startedAnew(rec.id)})}
}

// startedAnew is why attempts end that an earlier run of a member was part of.
func startedAnew(id string) catalog.Reason { return catalog.Why("node.started_anew", id) }

// noteInterrupted remembers the attempts that an earlier run of this node's
// process left in its state. What the others sent it for them was in memory and
// is gone, and nobody sends it again: left alone, all would wait until the
// attempt's time is over. (A leader notices that a member was started anew, but
// only when it led before and after.) The state is the right place to look: a
// message is taken only for an attempt that the state asks for; and by then the
// state has all that the earlier run had. What was asked for only since this run has
// begun may be among them, and is tried again for nothing.
func (rec *reconciler) noteInterrupted() error {
	interrupted := map[string]bool{}
	err := rec.view(func(v state.View) error {
		for _, part := range []func(state.View) ([]task, error){rec.queryTasks, rec.vectorTasks, rec.moveTasks, rec.versionTasks} {
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
	if err == nil {
		rec.interrupted = interrupted
	}
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
