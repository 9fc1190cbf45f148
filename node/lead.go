package node

import (
	"context"
	"crypto/rand"
	"fmt"
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
	mu   sync.Mutex
	seen map[string]time.Time
}

// since returns for how long the leader has seen name.
func (l *leader) since(name string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]time.Time{}
	}
	first, ok := l.seen[name]
	if !ok {
		l.seen[name] = now
		return 0
	}
	return now.Sub(first)
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

// lead lists what only a leader decides, each as a duty that proposes it.
func (n *Node) lead(v catalog.View) (list []duty, err error) {
	seen := map[string]bool{}
	for _, part := range []func(catalog.View, map[string]bool) ([]duty, error){n.leadKeys, n.leadVersions, n.leadQueries} {
		d, err := part(v, seen)
		if err != nil {
			return nil, err
		}
		list = append(list, d...)
	}
	n.leader.keep(seen)
	return list, nil
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
	now := n.opts.Clock()
	n.setWaiting("")
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
			n.setWaiting(fmt.Sprintf("the key of publisher %s needs all nodes up: %s does not answer", p.Publisher, strings.Join(down, ", ")))
			continue
		}
		start := catalog.KeyStart{Publisher: p.Publisher, Key: p.NextKey, Epoch: p.NextEpoch, Attempt: p.NextAttempt}
		list = append(list, n.decide(fmt.Sprintf("%s/%d", p.Publisher, p.NextAttempt), catalog.KindKeyStart, start))
	}
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
		active, root, err := n.choose(p.Acks)
		if err != nil {
			return nil, err
		}
		if active != nil {
			number := len(p.Attempts) + 1
			list = append(list, n.decide(versionSession(p.Dataset, p.Version, number), catalog.KindVersionAttempt, catalog.VersionAttempt{
				Dataset: p.Dataset, Version: p.Version, Attempt: number, Active: active, Root: root,
			}))
		}
	}
	return list, nil
}

// leadQueries names attempts of accepted queries and ends those that cannot
// complete.
func (n *Node) leadQueries(v catalog.View, seen map[string]bool) (list []duty, err error) {
	pending, err := v.PendingQueries()
	if err != nil {
		return nil, err
	}
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
			return nil, err
		}
		if attempt != nil {
			list = append(list, *attempt)
		}
	}
	return list, nil
}

// nameAttempt chooses the active set of a query's next attempt, or returns nil
// while too few nodes that hold the data are up.
func (n *Node) nameAttempt(v catalog.View, q catalog.Query) (*duty, error) {
	var w work
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
	active, root, err := n.choose(w.version.Acks)
	if err != nil || active == nil {
		return nil, err
	}
	plan, err := n.plan(w, verdict)
	if err != nil {
		return nil, fmt.Errorf("plan query %s: %w", q.ID, err)
	}
	number := len(q.Attempts) + 1
	d := n.decide(querySession(q.ID, number), catalog.KindQueryAttempt, catalog.QueryAttempt{
		Query: q.ID, Attempt: number, Active: active, Root: root, Tiles: plan.Tiles,
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
// answer, or it takes too long. Empty: it may still.
func (n *Node) overdue(session string, a catalog.Attempt, seen map[string]bool) string {
	seen[session] = true
	age := n.leader.since(session, n.opts.Clock())
	if down := n.health.dead(a.Active); len(down) > 0 {
		return strings.Join(down, ", ") + " does not answer"
	}
	if age > n.opts.AttemptTimeout {
		return fmt.Sprintf("not done after %s", n.opts.AttemptTimeout)
	}
	return ""
}

// choose draws an active set and its root from the nodes that hold the data and
// answer; nil when they are fewer than the threshold. Drawing spreads the work
// and keeps a sick node from spoiling every attempt.
func (n *Node) choose(holders []string) (active []string, root string, err error) {
	faults, err := n.keyFaults()
	if err != nil {
		return nil, "", err
	}
	n.health.setUnfit(n.id, len(faults) > 0)
	var points []int
	for _, m := range n.roster {
		if slices.Contains(holders, m.ID) && n.health.isFit(m.ID) {
			points = append(points, m.Point)
		}
	}
	t := n.params.Threshold()
	if len(points) < t {
		return nil, "", nil
	}
	for len(points) > t {
		i, err := randomBelow(len(points))
		if err != nil {
			return nil, "", err
		}
		points = slices.Delete(points, i, i+1)
	}
	r, err := randomBelow(t)
	if err != nil {
		return nil, "", err
	}
	for _, p := range points {
		active = append(active, n.roster[p-1].ID)
	}
	return active, active[r], nil
}

func randomBelow(n int) (int, error) {
	x, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0, fmt.Errorf("draw an active set: %w", err)
	}
	return int(x.Int64()), nil
}
