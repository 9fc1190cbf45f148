package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/node/api/wire"
)

// round is what came of asking the nodes once each.
type round struct {
	body []byte
	err  error // nil: body is the answer
	// final: another node, or the same one later, would not do better.
	final bool
	// answers are of nodes that were reached and could not serve, failures of all that did
	// not serve, in the order in which they came.
	answers  []*wire.Problem
	failures []NodeFailure
	// comeBack is the shortest time that a node asked for.
	comeBack time.Duration
}

// attempt is what came of asking one node.
type attempt struct {
	node int
	body []byte
	err  error
	took time.Duration
}

// round asks one node after another until one serves or says what another would say too.
// While one takes longer than usual the next is asked as well, and the first to serve is
// heard. It returns when every request that it made is over.
func (t *transport) round(parent context.Context, r Call) (x round) {
	ctx, cancel := context.WithCancel(parent)
	answers, under := make(chan attempt), 0
	defer func() {
		cancel()
		for ; under > 0; under-- {
			<-answers
		}
	}()
	left := t.health.order(int(t.preferred.Load()))
	ask := func() {
		i := left[0]
		left = left[1:]
		under++
		go func() {
			begin := time.Now() // not the client's clock, which dates tokens
			body, err := t.Ask(ctx, t.nodes[i], r)
			answers <- attempt{i, body, err, time.Since(begin)}
		}()
	}
	hedge := time.NewTimer(t.hedgeAfter(r))
	defer hedge.Stop()
	for ask(); under > 0; {
		select {
		case a := <-answers:
			under--
			if t.take(&x, r, a) || parent.Err() != nil {
				return x
			}
			if under == 0 && len(left) > 1 && !reached(a.err) {
				var away []NodeFailure
				left, away = t.survey(ctx, left)
				x.failures = append(x.failures, away...)
			}
			if under == 0 && len(left) > 0 {
				ask()
			}
		case <-hedge.C:
			if r.mayBeDoubled() && len(left) > 0 && t.health.mayHedge() {
				ask()
			}
		}
		hedge.Reset(t.hedgeAfter(r))
	}
	x.conclude()
	return x
}

// take notes what came of asking one node, and reports whether the round is over.
func (t *transport) take(x *round, r Call, a attempt) (over bool) {
	if a.err == nil {
		took := a.took
		if !r.mayBeDoubled() || r.Wait > 0 {
			took = 0
		}
		t.health.served(a.node, took)
		t.preferred.Store(int64(a.node))
		x.body, x.err = a.body, nil
		return true
	}
	if p, ok := errors.AsType[*wire.Problem](a.err); ok {
		if !r.tryNext(p) {
			t.health.served(a.node, 0)
			t.preferred.Store(int64(a.node))
			x.err, x.final = explained(p, x.failures), true
			return true
		}
		after := retryAfter(p)
		if len(x.answers) == 0 || after < x.comeBack {
			x.comeBack = after
		}
		x.answers = append(x.answers, p)
		if p.Status != http.StatusNotFound {
			t.health.failed(a.node, after)
		}
	} else if !errors.Is(a.err, context.Canceled) {
		t.health.failed(a.node, 0)
	}
	x.err = a.err
	x.failures = append(x.failures, NodeFailure{ID: t.nodes[a.node].ID, Addr: t.nodes[a.node].Addr, Err: a.err})
	return false
}

// conclude makes the error of a round in which no node served.
func (x *round) conclude() {
	switch {
	case len(x.answers) == 0:
		x.err = &UnreachableError{Nodes: x.failures}
	case len(x.failures) == 1:
		x.err = x.telling()
	default:
		x.err = newAnswersError(x.telling(), x.failures)
	}
}

// telling is the answer that says most.
func (x *round) telling() *wire.Problem {
	return slices.MaxFunc(x.answers, func(a, b *wire.Problem) int { return cmp.Compare(tells(a), tells(b)) })
}

// tells orders answers by how much they say about the cluster rather than about one node.
func tells(p *wire.Problem) int {
	switch {
	case p.Kind == wire.KindNoQuorum:
		return 3
	case p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests:
		return 2
	case p.Status == http.StatusUnauthorized:
		return 0 // a node whose clock is wrong takes no token
	}
	return 1
}

// worthAnother reports whether the nodes are to be asked once more. Those that found no
// quorum have waited for one already; what none has, and a token that all refuse, stays so.
func (x *round) worthAnother(r Call) bool {
	for _, p := range x.answers {
		if p.Kind == wire.KindNoQuorum || r.Elsewhere && p.Status == http.StatusNotFound {
			return false
		}
	}
	return len(x.answers) == 0 || tells(x.telling()) > 0
}

// reached reports whether a node answered.
func reached(err error) bool {
	_, ok := errors.AsType[*wire.Problem](err)
	return ok
}

// mayBeDoubled reports whether the call may be made on two nodes at a time: it only reads,
// or it sends an envelope, which is applied once. An upload is to be on one node.
func (r Call) mayBeDoubled() bool {
	return r.method() == http.MethodGet || r.isAct() || r.Path == "/v1/explain" || r.Path == "/v1/compile" || strings.HasPrefix(r.Path, "/v1/registries/")
}

func (r Call) isAct() bool { return r.Path == "/v1/envelopes" }

// hedgeAfter is how long a node may take for the call before another one is asked as well,
// beside the time for which it may hold the request on purpose.
func (t *transport) hedgeAfter(r Call) time.Duration {
	after := max(t.health.hedgeAfter(), t.opts.Hedge)
	if r.isAct() {
		after = max(after, actHedge)
	}
	return after + r.Wait
}

// How long a node that could not serve is asked after all others: firstBackoff, twice as
// long after every further failure, lastBackoff at most. It is never left out.
const (
	firstBackoff = time.Second
	lastBackoff  = 30 * time.Second
)

// How long a node may take before another one is asked as well. It follows the observed
// times as TCP's retransmission timeout does (RFC 6298): the mean and four mean deviations.
const (
	leastHedge = 250 * time.Millisecond
	firstHedge = time.Second // before anything was observed
	mostHedge  = 2 * time.Second
	// actHedge is how long an act may take, which waits for the ledger.
	actHedge = 3 * time.Second
)

// Every second request costs something, and comes when nodes are slow because they have too
// much to do. So of hedgeEvery requests one may be made twice, and hedgeBurst at once.
const (
	hedgeEvery = 10
	hedgeBurst = 10
)

// nodesHealth remembers which nodes could not serve lately, and how long answers took. It is
// what this client saw, and decides in which order nodes are asked and nothing else.
type nodesHealth struct {
	now func() time.Time

	mu        sync.Mutex
	of        []nodeHealth  // by index in the client's nodes; guarded by mu
	mean, dev time.Duration // of the time that an answer took; guarded by mu
	hedges    float64       // requests that may be made twice; guarded by mu
}

// nodeHealth is of one node.
type nodeHealth struct {
	failures int       // in a row
	until    time.Time // asked after the others
}

// order lists the nodes' indexes in the order in which they are to be asked: the preferred
// one, then the others, and those that failed lately last, the first to be well again
// before others.
func (h *nodesHealth) order(preferred int) []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	indexes := make([]int, len(h.of))
	for i := range indexes {
		indexes[i] = (preferred + i) % len(h.of)
	}
	ill := func(i int) time.Time {
		if h.of[i].until.After(now) {
			return h.of[i].until
		}
		return time.Time{}
	}
	slices.SortStableFunc(indexes, func(a, b int) int { return ill(a).Compare(ill(b)) })
	return indexes
}

// failed notes that a node could not serve, and when it said to come back; 0: it did not.
func (h *nodesHealth) failed(node int, after time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := &h.of[node]
	backoff := min(firstBackoff<<min(n.failures, 10), lastBackoff)
	n.failures++
	n.until = h.now().Add(max(backoff, min(after, lastBackoff)))
}

// served notes that a node served a request, and how long that took; 0: that says nothing
// about other requests.
func (h *nodesHealth) served(node int, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[node] = nodeHealth{}
	h.hedges = min(h.hedges+1.0/hedgeEvery, hedgeBurst)
	switch {
	case took <= 0:
	case h.mean == 0:
		h.mean, h.dev = took, took/2
	default:
		h.dev += ((took - h.mean).Abs() - h.dev) / 4
		h.mean += (took - h.mean) / 8
	}
}

// hedgeAfter is how long to wait for a node before another one is asked as well.
func (h *nodesHealth) hedgeAfter() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mean == 0 {
		return firstHedge
	}
	return min(max(h.mean+4*h.dev, leastHedge), mostHedge)
}

// mayHedge takes one of the requests that may be made twice.
func (h *nodesHealth) mayHedge() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hedges < 1 {
		return false
	}
	h.hedges--
	return true
}

// jittered is a pause with up to half of it more, so that clients that were refused together
// do not come back together.
func jittered(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(cmp.Or(d/2, 1)))) //nolint:gosec // nothing secret
}
