package client

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

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
