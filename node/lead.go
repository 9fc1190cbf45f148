package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
)

// leader remembers when it first saw something that must not take for ever. It
// is this node's own observation and starts anew with every leader: timeouts
// are measured where they are decided, not by clocks of different machines.
type leader struct {
	mu        sync.Mutex
	seen      map[string]sight
	complaint string // the last one logged
}

// sight is the first look at something: when it was, and which runs of the
// members' processes there were.
type sight struct {
	at   time.Time
	runs map[string]string
}

// first returns the first sight of name, which is now when there was none.
func (l *leader) first(name string, now sight) sight {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]sight{}
	}
	first, ok := l.seen[name]
	if !ok {
		l.seen[name], first = now, now
	}
	return first
}

// since returns for how long the leader has seen name.
func (l *leader) since(name string, now time.Time) time.Duration {
	return now.Sub(l.first(name, sight{at: now}).at)
}

// complain logs what kept the leader from a decision, each thing once and not
// at every look.
func (l *leader) complain(log *slog.Logger, err error) {
	what := ""
	if err != nil {
		what = err.Error()
	}
	l.mu.Lock()
	again := what == l.complaint
	l.complaint = what
	l.mu.Unlock()
	if err != nil && !again {
		log.Error("some things could not be decided", "error", err)
	}
}

// keep forgets every name that is not in names.
func (l *leader) keep(names map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.seen {
		if !names[name] {
			delete(l.seen, name)
		}
	}
}

// lead lists what only a leader decides, each as a duty that proposes it. One
// thing that cannot be decided keeps nothing else from being decided: err joins
// what went wrong, list has the rest.
func (n *Node) lead(v catalog.View) (list []duty, err error) {
	seen := map[string]bool{}
	var errs []error
	for _, part := range []func(catalog.View, map[string]bool) ([]duty, error){n.leadKeys, n.leadVersions, n.leadVectors, n.leadQueries} {
		d, err := part(v, seen)
		list = append(list, d...)
		errs = append(errs, err)
	}
	n.leader.keep(seen)
	return list, errors.Join(errs...)
}

// decide is the duty of proposing body.
func (n *Node) decide(name string, kind catalog.Kind, body any) duty {
	return duty{name: "decide " + string(kind) + " " + name, run: func(ctx context.Context) error { return n.act(ctx, kind, body) }}
}

// leadKeys starts a ceremony for every publisher without a key, and ends
// ceremonies that do not advance. All nodes must be up.
func (n *Node) leadKeys(v catalog.View, seen map[string]bool) (list []duty, err error) {
	waiting, err := v.PendingKeys()
	if err != nil {
		return nil, err
	}
	now, missing := n.opts.Clock(), ""
	for _, p := range waiting {
		k := p.Key
		if k.ID != "" && k.State != catalog.KeyFailed {
			name := fmt.Sprintf("%s/%s/%d", ceremonySession(k), k.State, progress(k))
			seen[name] = true
			if n.leader.since(name, now) > n.opts.CeremonyTimeout {
				reason := fmt.Sprintf("no progress in state %s for %s: waiting for %s", k.State, n.opts.CeremonyTimeout, strings.Join(missingIn(k), ", "))
				list = append(list, n.decide(ceremonySession(k), catalog.KindKeyFail, catalog.KeyFail{Key: k.ID, Attempt: k.Attempt, Reason: reason}))
			}
			continue
		}
		if down := n.health.dead(n.ids()); len(down) > 0 {
			missing = fmt.Sprintf("the key of publisher %s needs all nodes up: %s does not answer", p.Publisher, strings.Join(down, ", "))
			continue
		}
		start := catalog.KeyStart{Publisher: p.Publisher, Key: p.NextKey, Epoch: p.NextEpoch, Attempt: p.NextAttempt}
		list = append(list, n.decide(fmt.Sprintf("%s/%d", p.Publisher, p.NextAttempt), catalog.KindKeyStart, start))
	}
	n.setWaiting(missing)
	return list, nil
}

// progress counts what a ceremony has got so far.
func progress(k catalog.Key) int { return len(k.Nodes)*4 - len(missingIn(k)) }

// missingIn names the nodes that a ceremony waits for.
func missingIn(k catalog.Key) (nodes []string) {
	for i, id := range k.Nodes {
		var done bool
		switch k.State {
		case catalog.KeyCommitting:
			done = i < len(k.Commits) && !k.Commits[i].Public.IsZero()
		case catalog.KeyDealing:
			done = i < len(k.Acked) && k.Acked[i]
		case catalog.KeySigning:
			done = i < len(k.Signed) && len(k.Signed[i]) > 0
		case catalog.KeyTesting:
			done = !slices.Contains(k.Tested, false)
		}
		if !done {
			nodes = append(nodes, id)
		}
	}
	return nodes
}

// leadVersions names the parity opening of every stored version.
func (n *Node) leadVersions(v catalog.View, seen map[string]bool) (list []duty, err error) {
	pending, err := v.PendingVersions()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range pending {
		if p.State != catalog.VersionStored {
			continue
		}
		if a, under := underWay(p.Attempts); under {
			session := versionSession(p.Dataset, p.Version, a.Number)
			if reason := n.overdue(session, a, seen); reason != "" {
				list = append(list, n.decide(session, catalog.KindVersionFail, catalog.VersionFail{Dataset: p.Dataset, Version: p.Version, Attempt: a.Number, Reason: reason}))
			}
			continue
		}
		active, root, err := n.choose(p.Acks, p.Attempts)
		if err != nil {
			errs = append(errs, fmt.Errorf("choose who opens the parity of %s version %d: %w", p.Dataset, p.Version, err))
		}
		if active != nil {
			number := len(p.Attempts) + 1
			list = append(list, n.decide(versionSession(p.Dataset, p.Version, number), catalog.KindVersionAttempt, catalog.VersionAttempt{
				Dataset: p.Dataset, Version: p.Version, Attempt: number, Active: active, Root: root,
			}))
		}
	}
	return list, errors.Join(errs...)
}

// leadQueries names attempts of accepted queries and ends those that cannot
// complete.
func (n *Node) leadQueries(v catalog.View, seen map[string]bool) (list []duty, err error) {
	pending, err := v.PendingQueries()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, q := range pending {
		if a, under := underWay(q.Attempts); under {
			session := querySession(q.ID, a.Number)
			if reason := n.overdue(session, a, seen); reason != "" {
				list = append(list, n.decide(session, catalog.KindQueryFail, catalog.QueryFail{Query: q.ID, Attempt: a.Number, Reason: reason}))
			}
			continue
		}
		if i >= maxQueries {
			continue // its turn comes; until then no time runs against it
		}
		attempt, err := n.nameAttempt(v, q)
		if err != nil {
			errs = append(errs, fmt.Errorf("name an attempt of query %s: %w", q.ID, err))
		}
		if attempt == nil {
			attempt = n.unnamed(q, seen, err)
		}
		if attempt != nil {
			list = append(list, *attempt)
		}
	}
	return list, errors.Join(errs...)
}

// unnamed is the end of a query of which no attempt could be named for as long as
// one may take, or nil: whoever asked is not to wait for ever for nodes that do not
// come back. The price is given back, and asking again is free of harm.
func (n *Node) unnamed(q catalog.Query, seen map[string]bool, err error) *duty {
	number := len(q.Attempts) + 1
	name := querySession(q.ID, number) + "/unnamed"
	seen[name] = true
	if n.leader.since(name, n.opts.Clock()) <= n.opts.attemptTime() {
		return nil
	}
	reason := fmt.Sprintf("for %s too few of the nodes that hold the data could open it, %d are needed", n.opts.attemptTime(), n.params.Threshold())
	if lacks := n.health.unable(n.ids()); len(lacks) > 0 {
		reason += "; without: " + strings.Join(lacks, ", ")
	}
	if err != nil {
		reason = err.Error()
	}
	d := n.decide(name, catalog.KindQueryFail, catalog.QueryFail{Query: q.ID, Attempt: number, Reason: reason})
	return &d
}

// nameAttempt chooses the active set of a query's next attempt, or returns nil
// while too few nodes that hold the data are up.
//
// The ledger knows no end of a query but that of its attempts. So a query that
// cannot be planned is given attempts that open nothing, for a token tile: their
// members find the same fault, and say so in the ledger.
func (n *Node) nameAttempt(v catalog.View, q catalog.Query) (*duty, error) {
	w := work{}
	var err error
	if w.dataset, err = v.Dataset(q.Dataset); err != nil {
		return nil, err
	}
	if w.version, err = v.Version(q.Dataset, q.Release); err != nil {
		return nil, err
	}
	verdict, err := v.Verdict(q.ID)
	if err != nil {
		return nil, err
	}
	if err := joinedIn(v, &w, verdict); err != nil {
		return nil, err
	}
	holders := w.holders()
	active, root, err := n.choose(holders, q.Attempts)
	if err != nil || active == nil {
		return nil, err
	}
	number := len(q.Attempts) + 1
	if again, err := n.resealing(v, q, verdict, holders); err != nil {
		return nil, err
	} else if again != nil {
		d := n.decide(querySession(q.ID, number), catalog.KindQueryAttempt, *again)
		return &d, nil
	}
	tiles, second := int64(1), int64(0)
	plan, err := n.plan(w, verdict)
	if err == nil {
		tiles, second = plan.Tiles, plan.SecondTiles
		if verdict.Join != nil {
			tiles = max(tiles, 1) // the ledger names one, also where the two have no cell in common
		}
	} else {
		n.log.Error("a query cannot be planned", "query", q.ID, "error", err)
	}
	d := n.decide(querySession(q.ID, number), catalog.KindQueryAttempt, catalog.QueryAttempt{
		Query: q.ID, Attempt: number, Active: active, Root: root, Tiles: tiles, Joined: second,
	})
	return &d, nil
}

// underWay returns the attempt that is named and not over.
func underWay(attempts []catalog.Attempt) (catalog.Attempt, bool) {
	if len(attempts) == 0 || attempts[len(attempts)-1].Failed != "" {
		return catalog.Attempt{}, false
	}
	return attempts[len(attempts)-1], true
}

// overdue says why an attempt under way cannot complete: a member does not
// answer, or was started anew and no longer has what the others sent it, or it
// takes too long. Empty: it may still.
func (n *Node) overdue(session string, a catalog.Attempt, seen map[string]bool) string {
	seen[session] = true
	now := sight{at: n.opts.Clock(), runs: n.health.runsOf(a.Active)}
	first := n.leader.first(session, now)
	if down := n.health.dead(a.Active); len(down) > 0 {
		return strings.Join(down, ", ") + " does not answer"
	}
	for _, id := range a.Active {
		if was := first.runs[id]; was != "" && was != now.runs[id] {
			return id + " " + startedAnew
		}
	}
	if now.at.Sub(first.at) > n.opts.attemptTime() {
		return fmt.Sprintf("not done after %s", n.opts.attemptTime())
	}
	return ""
}

// choose draws an active set and its root from the nodes that hold the data and
// answer; nil when they are fewer than the threshold. Nodes that took part in
// fewer failed attempts go first: where members disagree, nobody knows which of
// them deviates, but a set without it is found before the attempts are used up.
// Then those without damaged blobs. Among equals the draw spreads the work.
func (n *Node) choose(holders []string, attempts []catalog.Attempt) (active []string, root string, err error) {
	faults, err := n.keyFaults()
	if err != nil {
		return nil, "", err
	}
	n.health.set(n.id, vitals{alive: true, unfit: len(faults) > 0, damaged: n.mender.status().Damaged > 0, run: n.run})
	var fit []catalog.Node
	for _, m := range n.roster {
		if slices.Contains(holders, m.ID) && n.health.isFit(m.ID) {
			fit = append(fit, m)
		}
	}
	if len(fit) < n.params.Threshold() {
		return nil, "", nil
	}
	if err := shuffle(fit); err != nil {
		return nil, "", err
	}
	active, root = n.pick(fit, attempts)
	return active, root, nil
}

// pick takes the best of fit, which are t at least and in the order in which
// equals are to be taken, as an active set and its root.
func (n *Node) pick(fit []catalog.Node, attempts []catalog.Attempt) (active []string, root string) {
	handicap := func(m catalog.Node) (h int) {
		for _, a := range attempts {
			if a.Failed != "" && slices.Contains(a.Active, m.ID) {
				h += 2
			}
		}
		if n.health.isDamaged(m.ID) {
			h++
		}
		return h
	}
	slices.SortStableFunc(fit, func(a, b catalog.Node) int { return cmp.Compare(handicap(a), handicap(b)) })
	fit = fit[:n.params.Threshold()]
	root = fit[0].ID
	slices.SortFunc(fit, func(a, b catalog.Node) int { return cmp.Compare(a.Point, b.Point) })
	for _, m := range fit {
		active = append(active, m.ID)
	}
	return active, root
}

// shuffle puts nodes in an order drawn from all orders alike.
func shuffle(nodes []catalog.Node) error {
	for i := len(nodes) - 1; i > 0; i-- {
		j, err := randomBelow(i + 1)
		if err != nil {
			return err
		}
		nodes[i], nodes[j] = nodes[j], nodes[i]
	}
	return nil
}

func randomBelow(n int) (int, error) {
	x, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0, fmt.Errorf("draw an active set: %w", err)
	}
	return int(x.Int64()), nil
}
