package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/firstseen"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/versions"
)

// leader decides what only a leader decides: when a ceremony starts, which active set opens,
// and when an attempt is over.
type leader struct {
	*core
	monitor   *monitor
	access    *access
	looks     firstseen.Looks // the reconciler's goroutine alone uses it
	complaint string          // the last one logged

	dueLooked time.Time // when it was last looked for what is due; used by the reconciler's goroutine alone
	found     []string  // what waits, of the present look; the reconciler's goroutine alone uses it
	// ledgerNow are the ledger's members before the present look, which may change where ledgerKnown;
	// the reconciler's goroutine alone uses them.
	ledgerNow   consensus.Configuration
	ledgerKnown bool
	kept        keeping // by the reconciler's goroutine alone

	mu      sync.Mutex
	waiting string          // for what, as operators are told
	naming  map[string]bool // queries whose first attempts were proposed with them, and are not in the ledger yet
}

// complain logs what kept the leader from a decision, each thing once and not
// at every look.
func (l *leader) complain(err error) {
	what := ""
	if err != nil {
		what = err.Error()
	}
	if err != nil && what != l.complaint {
		l.log.Error("some things could not be decided", "error", err)
	}
	l.complaint = what
}

// lead lists what only a leader decides, each as a task that proposes it. One
// thing that cannot be decided keeps nothing else from being decided: err joins
// what went wrong, list has the rest.
func (l *leader) lead(r records.Reader, at uint64) (list []task, err error) {
	seen := map[string]bool{}
	var found []string
	var errs []error
	for i, part := range []func(state.View, map[string]bool) ([]task, error){l.leadSeats, l.leadKeys, l.leadVersions, l.leadVectors, l.leadMoves, l.leadHealth, l.leadQueries} {
		if i == 0 { // raft's members change by no entry of the state machine's
			delete(l.kept.parts, i)
		}
		d, err := l.kept.of(i, at, r, func(v state.View) (d derived, err error) {
			d.seen, l.found = map[string]bool{}, nil
			d.list, err = part(v, d.seen)
			d.found = l.found
			return d, err
		})
		list, found, errs = append(list, d.list...), append(found, d.found...), append(errs, err)
		maps.Copy(seen, d.seen)
	}
	l.found = found
	l.looks.Keep(seen)
	l.tellWaiting()
	return list, errors.Join(errs...)
}

// decide is the task of proposing body.
func (l *leader) decide(name string, kind catalog.Kind, body any) task {
	return task{name: "decide " + string(kind) + " " + name, run: func(ctx context.Context) error { return l.access.act(ctx, kind, body) }}
}

// leadKeys starts a ceremony for every publisher without a key, and ends
// ceremonies that do not advance. All nodes must be up.
func (l *leader) leadKeys(v state.View, seen map[string]bool) (list []task, err error) {
	waiting, err := v.Keys().Pending()
	if err != nil {
		return nil, err
	}
	for _, p := range waiting {
		k := p.Key
		if k.ID != "" && k.State != catalog.KeyFailed {
			list = append(list, l.endStuck(k, seen)...)
			continue
		}
		rests := l.rests("key/"+p.Publisher, p.NextAttempt-1, seen)
		if down := l.health.dead(l.members.Roster().Nodes); len(down) > 0 {
			l.waitsFor("the key of publisher %s needs all nodes up: %s does not answer", p.Publisher, strings.Join(down, ", "))
			continue
		}
		if rests {
			l.waitsFor("the key of publisher %s: %d attempts in a row have failed, the next follows within %s", p.Publisher, p.NextAttempt-1, maxRest)
			continue
		}
		start := catalog.KeyStart{Publisher: p.Publisher, Key: p.NextKey, Epoch: p.NextEpoch, Attempt: p.NextAttempt}
		list = append(list, l.decide(fmt.Sprintf("%s/%d", p.Publisher, p.NextAttempt), catalog.KindKeyStart, start))
	}
	refreshes, err := v.Keys().Refreshing()
	if err != nil {
		return nil, err
	}
	cluster, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	for _, k := range refreshes {
		k.Retired = roster.Unerased(cluster, k, l.opts.Clock().UnixMilli())
		holders := k.Holders()
		if len(k.Lacks) > 0 && len(holders) == k.Threshold {
			l.waitsFor("key %s would be lost with the share of %s: no machine of theirs can be replaced until %s has its share", k.ID,
				strings.Join(holders, " or "), strings.Join(k.Lacks, ", "))
		}
		up := slices.DeleteFunc(holders, func(id string) bool { return !l.health.isAlive(id) })
		failed := k.Refresh.Attempt - k.InForce().Attempt
		rests := k.Refresh.State == catalog.KeyFailed && l.rests("refresh/"+k.ID, failed, seen)
		switch down := l.health.dead(k.Target().Nodes); {
		case k.Refreshing():
			list = append(list, l.endStuck(k, seen)...)
		case len(down) > 0:
			l.waitsFor("new shares of key %s need all nodes up that get one: %s does not answer", k.ID, strings.Join(down, ", "))
		case len(up) < k.Threshold:
			l.waitsFor("new shares of key %s need %d of those that have one: only %s are up", k.ID, k.Threshold, strings.Join(up, ", "))
		case rests:
			l.waitsFor("new shares of key %s: %d attempts in a row have failed, the next follows within %s", k.ID, failed, maxRest)
		case k.Retired != nil:
			l.waitsFor("new shares of key %s wait until all nodes have erased the old ones: %s has not", k.ID, strings.Join(k.RefreshWaits(), ", "))
		default:
			b := catalog.NextReshare(k, dealers(k, up))
			list = append(list, l.decide(fmt.Sprintf("%s/%d", k.ID, b.Attempt), catalog.KindKeyReshare, b))
		}
	}
	return list, nil
}

// maxRest is the longest pause after an attempt of a ceremony or a refresh that failed.
const maxRest = time.Minute

// rests reports whether the next attempt of a ceremony or a refresh is to wait: so many have failed, and what made
// them fail may last. The first pause is a tick, and each is twice the one before. Without them a node whose share
// is damaged would have attempts fill the ledger as fast as they fail. It is asked at every look, also while something
// else keeps the attempt from being begun: the pause goes on meanwhile.
func (l *leader) rests(name string, failed int, seen map[string]bool) bool {
	if failed <= 0 {
		return false
	}
	name = fmt.Sprintf("%s/failed/%d", name, failed)
	seen[name] = true
	return l.looks.Since(name, l.opts.Clock()) < min(l.opts.Tick<<min(failed-1, 10), maxRest)
}

// dealers are the points that deal in the next attempt of a refresh, of those that are up: another
// window of them each time, so that a node which spoils an attempt is left out of a later one.
func dealers(k catalog.Key, up []string) []int {
	points := make([]int, k.Threshold)
	for i := range points {
		points[i] = k.Roster().Point(up[(k.Refresh.Attempt+i)%len(up)])
	}
	slices.Sort(points)
	return points
}

// endStuck ends an attempt of a ceremony or a refresh that does not advance.
func (l *leader) endStuck(k catalog.Key, seen map[string]bool) []task {
	sharing, step, _ := k.UnderWay()
	session := mpc.SharingSession(sharing)
	name := fmt.Sprintf("%s/%s/%d", session, step, progress(k))
	seen[name] = true
	if l.looks.Since(name, l.opts.Clock()) <= l.opts.CeremonyTimeout {
		return nil
	}
	reason := catalog.Why("key.stuck", step, l.opts.CeremonyTimeout, mpc.Missing(k))
	return []task{l.decide(session, catalog.KindKeyFail, catalog.KeyFail{Key: k.ID, Attempt: sharing.Attempt, Reason: reason})}
}

// progress counts what a ceremony has got so far.
func progress(k catalog.Key) int { return len(k.Nodes)*4 - len(mpc.Missing(k)) }

// leadVersions names the parity opening of every stored version.
func (l *leader) leadVersions(v state.View, seen map[string]bool) (list []task, err error) {
	pending, err := v.Versions().Pending()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range pending {
		if p.State != catalog.VersionStored {
			continue
		}
		if a, under := mpc.UnderWay(p.Attempts); under {
			session := mpc.VersionSession(p.Dataset, p.Version, a.Number)
			if reason := l.overdue(session, a, seen); !reason.IsZero() {
				list = append(list, l.decide(session, catalog.KindVersionFail, catalog.VersionFail{Dataset: p.Dataset, Version: p.Version, Attempt: a.Number, Reason: reason}))
			}
			continue
		}
		k, err := v.Keys().Get(p.Key)
		if err != nil {
			return nil, err
		}
		active, root, err := l.choose(k.Roster(), p.Acks, p.Attempts, false)
		if err != nil {
			errs = append(errs, fmt.Errorf("choose who opens the parity of %s version %d: %w", p.Dataset, p.Version, err))
		}
		if active != nil {
			number := len(p.Attempts) + 1
			list = append(list, l.decide(mpc.VersionSession(p.Dataset, p.Version, number), catalog.KindVersionAttempt, catalog.VersionAttempt{
				Dataset: p.Dataset, Version: p.Version, Attempt: number, Active: active, Root: root,
			}))
		}
	}
	return list, errors.Join(errs...)
}

// leadVectors names attempts of the second check and ends those that cannot
// complete, and registrations that do not get on.
func (l *leader) leadVectors(v state.View, seen map[string]bool) (list []task, err error) {
	pending, err := v.Vectors().Pending()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, x := range pending {
		if x.State != catalog.VectorProving {
			list = append(list, l.stuck(x, seen)...)
			continue
		}
		if a, under := mpc.UnderWay(x.Attempts); under {
			session := mpc.VectorSession(x.ID, a.Number)
			if reason := l.overdue(session, a, seen); !reason.IsZero() {
				list = append(list, l.decide(session, catalog.KindVectorFail, catalog.VectorFail{Vector: x.ID, Attempt: a.Number, Reason: reason}))
			}
			continue
		}
		active, _, err := l.choose(catalog.KeyRoster{Nodes: x.Nodes, Threshold: x.Threshold}, x.Nodes, x.Attempts, false)
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

// stuck ends a registration that does not get on although all nodes are up, or
// returns nil: its sealed shares may be nowhere. One that waits for a node that is
// down waits as long as its owner likes, who may drop it.
func (l *leader) stuck(x catalog.Vector, seen map[string]bool) []task {
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
	if l.looks.Since(name, l.opts.Clock()) <= l.opts.attemptTime() {
		return nil
	}
	lacks := "vector.stuck_storing"
	if x.State == catalog.VectorLining {
		lacks = "vector.stuck_lining"
	}
	return []task{l.decide(name, catalog.KindVectorFail, catalog.VectorFail{
		Vector: x.ID, Reason: catalog.Why(lacks, l.opts.attemptTime(), missing),
	})}
}

// leadQueries names attempts of accepted queries and ends those that cannot
// complete.
func (l *leader) leadQueries(v state.View, seen map[string]bool) (list []task, err error) {
	pending, err := v.PendingQueries()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, q := range pending {
		if a, under := mpc.UnderWay(q.Attempts); under {
			session := mpc.QuerySession(q.ID, a.Number)
			if reason := l.overdue(session, a, seen); !reason.IsZero() {
				list = append(list, l.decide(session, catalog.KindQueryFail, catalog.QueryFail{Query: q.ID, Attempt: a.Number, Reason: reason}))
			}
			continue
		}
		if l.isNaming(q.ID) {
			continue // its first attempt is on its way
		}
		if i >= mpc.MaxQueries {
			continue // its turn comes; until then no time runs against it
		}
		attempt, err := l.nameAttempt(v, q)
		if err != nil {
			errs = append(errs, fmt.Errorf("name an attempt of query %s: %w", q.ID, err))
		}
		if attempt == nil {
			attempt = l.unnamed(v, q, seen, err)
		}
		list = append(list, attempt...)
	}
	return list, errors.Join(errs...)
}

// unnamed is the end of a query of which no attempt could be named for as long as
// one may take, or nil: whoever asked is not to wait for ever for nodes that do not
// come back. The price is given back, and asking again is free of harm.
func (l *leader) unnamed(v state.View, q catalog.Query, seen map[string]bool, err error) []task {
	number := len(q.Attempts) + 1
	name := mpc.QuerySession(q.ID, number) + "/unnamed"
	seen[name] = true
	if l.looks.Since(name, l.opts.Clock()) <= l.opts.attemptTime() {
		return nil
	}
	of := l.members.Roster()
	if verdict, err := v.Verdict(q.ID); err == nil {
		if r, err := v.RosterOf(verdict); err == nil {
			of = r
		}
	}
	if q.Submit.Request.Verify {
		of.Threshold++
	}
	reason := catalog.Why("query.too_few", l.opts.attemptTime(), of.Threshold)
	if lacks := l.health.unable(of.Nodes); len(lacks) > 0 {
		reason = catalog.Why("query.too_few_without", l.opts.attemptTime(), of.Threshold, lacks)
	}
	if err != nil {
		reason = failure.Reason(err)
	}
	return []task{l.decide(name, catalog.KindQueryFail, catalog.QueryFail{Query: q.ID, Attempt: number, Reason: reason})}
}

// nameAttempt is the task of naming a query's next attempt, or nil while too few nodes that hold the data are up.
func (l *leader) nameAttempt(v state.View, q catalog.Query) ([]task, error) {
	verdict, err := v.Verdict(q.ID)
	if err != nil {
		return nil, err
	}
	b, err := l.attempt(v, q, verdict)
	if err != nil || b == nil {
		return nil, err
	}
	return []task{l.decide(mpc.QuerySession(q.ID, b.Attempt), catalog.KindQueryAttempt, *b)}, nil
}

// attempt chooses the active set of a query's next attempt, or returns nil
// while too few nodes that hold the data are up.
//
// The ledger knows no end of a query but that of its attempts. So a query that
// cannot be planned is given attempts that open nothing, for a token tile: their
// members find the same fault, and say so in the ledger.
func (l *leader) attempt(v state.View, q catalog.Query, verdict catalog.Verdict) (*catalog.QueryAttempt, error) {
	w, err := versions.SourcesOf(v, verdict)
	if err != nil {
		return nil, err
	}
	number := len(q.Attempts) + 1
	among, err := v.RosterOf(verdict)
	if _, apart := errors.AsType[*catalog.Refusal](err); apart { // the ledger ends the query when one is named
		some := l.members.Roster().Nodes[:l.members.Threshold]
		return &catalog.QueryAttempt{Query: q.ID, Attempt: number, Active: some, Root: some[0], Tiles: 1}, nil
	}
	if err != nil {
		return nil, err
	}
	holders, err := w.Holders(v, verdict)
	if err != nil {
		return nil, err
	}
	active, root, err := l.choose(among, holders, q.Attempts, q.Submit.Request.Verify)
	if err != nil || active == nil {
		return nil, err
	}
	if again, err := l.resealing(v, q, verdict, among.InOrder(holders)); err != nil || again != nil {
		return again, err
	}
	tiles, second := int64(1), int64(0)
	plan, err := l.versions.Plan(w, verdict)
	if err == nil {
		tiles, second = plan.Tiles, plan.SecondTiles
		if verdict.Join != nil {
			tiles = max(tiles, 1) // the ledger names one, also where the two have no cell in common
		}
	} else {
		l.log.Error("a query cannot be planned", "query", q.ID, "error", err)
	}
	return &catalog.QueryAttempt{Query: q.ID, Attempt: number, Active: active, Root: root, Tiles: tiles, Joined: second}, nil
}

// resealing is the attempt that answers a repeat from what its members kept, or nil
// where they may not have kept it, or one of them cannot be reached: then it is
// opened anew, as it is when this attempt fails.
func (l *leader) resealing(v state.View, q catalog.Query, verdict catalog.Verdict, holders []string) (*catalog.QueryAttempt, error) {
	if q.Repeats == "" || len(q.Attempts) > 0 || !mpc.Reseals(verdict) || q.Submit.Request.Verify {
		return nil, nil //nolint:nilnil // nothing to seal again
	}
	first, err := v.Query(q.Repeats)
	if err != nil {
		return nil, fmt.Errorf("look up the query that %s repeats: %w", q.ID, err)
	}
	numbers := (q.Groups + q.Withheld) * max(q.Pieces, 1) * len(verdict.Columns)
	a, kept := mpc.Repeatable(first, numbers, l.opts.Clock())
	if among, err := v.RosterOf(verdict); err != nil || !slices.Equal(among.InOrder(a.Active), a.Active) || len(a.Active) != among.Threshold {
		return nil, err // the key moved since
	}
	if !kept || slices.ContainsFunc(a.Active, func(id string) bool { return !l.health.isFit(id) || !slices.Contains(holders, id) }) {
		return nil, nil //nolint:nilnil // nothing to seal again, or a member is gone
	}
	return &catalog.QueryAttempt{Query: q.ID, Attempt: 1, Active: a.Active, Root: a.Root, Reseals: true}, nil
}

// overdue says why an attempt under way cannot complete: a member does not
// answer, or was started anew and no longer has what the others sent it, or it
// takes too long. Zero: it may still.
func (l *leader) overdue(session string, a catalog.Attempt, seen map[string]bool) catalog.Reason {
	seen[session] = true
	now := firstseen.Look{At: l.opts.Clock(), Runs: l.health.runsOf(a.Active)}
	first := l.looks.First(session, now)
	if down := l.health.dead(a.Active); len(down) > 0 {
		return catalog.Why("node.unanswering", down)
	}
	for _, id := range a.Active {
		if was := first.Runs[id]; was != "" && was != now.Runs[id] {
			return startedAnew(id)
		}
	}
	if now.At.Sub(first.At) > l.opts.attemptTime() {
		return catalog.Why("node.late", l.opts.attemptTime())
	}
	return catalog.Reason{}
}

// choose draws an active set and its root, or the members of a checked answer, from the nodes of a roster that hold
// the data and answer; nil when they are fewer than that takes. Nodes that took part in
// fewer failed attempts go first: where members disagree, nobody knows which of
// them deviates, but a set without it is found before the attempts are used up.
// Then those without damaged blobs. Among equals the draw spreads the work.
func (l *leader) choose(among catalog.KeyRoster, holders []string, attempts []catalog.Attempt, verify bool) (active []string, root string, err error) {
	faults, err := l.keyFaults()
	if err != nil {
		return nil, "", err
	}
	l.health.set(l.id, observation{alive: true, unfit: len(faults) > 0, damaged: l.blobs.Status().Damaged > 0, run: l.run})
	var fit []catalog.Node
	for _, m := range roster.Of(l.members, among).Nodes {
		if slices.Contains(holders, m.ID) && l.health.isFit(m.ID) {
			fit = append(fit, m)
		}
	}
	size := checked.Wanted(verify, len(fit), among.Threshold, attempts)
	if len(fit) < size {
		return nil, "", nil
	}
	l.mu.Lock() // several queries may be asked at the same time
	l.opts.shuffle(len(fit), func(i, j int) { fit[i], fit[j] = fit[j], fit[i] })
	l.mu.Unlock()
	if active, root = l.pick(fit, size, attempts); verify {
		root = ""
	}
	return active, root, nil
}

// pick takes the best of fit, which are t at least and in the order in which
// equals are to be taken, as an active set and its root.
func (l *leader) pick(fit []catalog.Node, t int, attempts []catalog.Attempt) (active []string, root string) {
	handicap := func(m catalog.Node) (h int) {
		for _, a := range attempts {
			if !a.Failed.IsZero() && slices.Contains(a.Active, m.ID) {
				h += 2
			}
		}
		if l.health.isDamaged(m.ID) {
			h++
		}
		return h
	}
	slices.SortStableFunc(fit, func(a, b catalog.Node) int { return cmp.Compare(handicap(a), handicap(b)) })
	fit = fit[:t]
	root = fit[0].ID
	slices.SortFunc(fit, func(a, b catalog.Node) int { return cmp.Compare(a.Point, b.Point) })
	for _, m := range fit {
		active = append(active, m.ID)
	}
	return active, root
}

// waitsFor notes, while the leader looks at what there is to decide, that something waits.
func (l *leader) waitsFor(format string, args ...any) {
	l.found = append(l.found, fmt.Sprintf(format, args...))
}

// tellWaiting tells operators what waitsFor has noted since the last look.
func (l *leader) tellWaiting() {
	what := strings.Join(l.found, "; ")
	l.found = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	if what != "" && what != l.waiting {
		l.log.Warn("waiting", "for", what)
	}
	l.waiting = what
}

func (l *leader) waitingFor() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}
