package node

import (
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/wire"
)

// How coarsely a node tells how far it is. The counts' totals are the plan's, which the
// query's owner has; what they could say beyond it is when each one was reached. How long
// a tile takes depends on what is in memory, and so on what others asked lately. Told by
// whole steps of leastTiles, that is no finer than what anybody learns who times the
// answer to a query of as many tiles.
const (
	leastTiles    = 64
	leastOpenings = batchSize
	leastProducts = 1 << 14
	// mostSteps bounds the steps of one count.
	mostSteps = 64
)

// coarse rounds what is done down to whole steps.
func coarse(done, total, least int64) int64 {
	if done >= total {
		return total
	}
	return done - done%max(least, (total+mostSteps-1)/mostSteps)
}

// headways knows how far this node is with its part of the attempts that it computes. It
// is kept in memory alone, for the owners of the queries: nothing is decided by it.
type headways struct {
	heard func(session string, now wire.Progress) // of every change, in order, by tests; nil: nobody

	mu sync.Mutex
	of map[string]*headway // by session
}

// begin notes that work on an attempt begins. Where it broke off and begins again within
// the attempt, what is told stands still until it has caught up.
func (h *headways) begin(session string, total counts) *headway {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.of[session]
	if w == nil {
		w = &headway{}
		if h.heard != nil {
			w.heard = func(now wire.Progress) { h.heard(session, now) }
		}
		h.of[session] = w
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total, w.now = total, counts{}
	return w
}

// find returns what is known of an attempt; nil: it has not begun.
func (h *headways) find(session string) *headway {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of[session]
}

// keep forgets every attempt that is over.
func (h *headways) keep(running func(session string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for session := range h.of {
		if !running(session) {
			delete(h.of, session)
		}
	}
}

// counts are steps of a query's work.
type counts struct{ tiles, openings, products int64 }

// countsOf is the work that a plan is for each member. A private vector multiplies the
// slots of whole sums.
func countsOf(p *query.Plan) counts {
	c := counts{tiles: p.Tiles + p.SecondTiles, openings: int64(p.Openings()), products: p.Multiplied()}
	for _, a := range p.Accumulators {
		if p.Private() && p.Vector(a.Column) != "" && !p.Kinds[a.Column].Count {
			c.products += query.Slots
		}
	}
	return c
}

// add adds counts, of which none exceeds its total.
func (c counts) add(d, total counts) counts {
	return counts{min(c.tiles+d.tiles, total.tiles), min(c.openings+d.openings, total.openings), min(c.products+d.products, total.products)}
}

// atLeast is the larger of each count.
func (c counts) atLeast(d counts) counts {
	return counts{max(c.tiles, d.tiles), max(c.openings, d.openings), max(c.products, d.products)}
}

// headway is how far this node is with one attempt. All methods are safe for concurrent
// use; a nil one counts nothing.
type headway struct {
	heard func(now wire.Progress) // is told every change; nil: nobody

	mu    sync.Mutex
	stage wire.Stage
	now   counts // of this run of the work
	most  counts // ever, of this attempt
	total counts
}

func (w *headway) enter(stage wire.Stage) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stage = stage
	w.changed()
}

func (w *headway) count(d counts) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.add(d, w.total)
	w.most = w.most.atLeast(w.now)
	w.changed()
}

// changed tells who listens. mu is held.
func (w *headway) changed() {
	if w.heard != nil {
		w.heard(wire.Progress{
			Stage: w.stage, Tiles: w.most.tiles, TilesTotal: w.total.tiles, Openings: w.most.openings, OpeningsTotal: w.total.openings,
			Products: w.most.products, ProductsTotal: w.total.products,
		})
	}
}

func (w *headway) added(tiles int)      { w.count(counts{tiles: int64(tiles)}) }
func (w *headway) opened(sums int)      { w.count(counts{openings: int64(sums)}) }
func (w *headway) multiplied(slots int) { w.count(counts{products: int64(slots)}) }

// tell is what the owner is told, in steps.
func (w *headway) tell(attempt int) *wire.Progress {
	p := &wire.Progress{Attempt: attempt, Stage: wire.StageWaiting}
	if w == nil {
		return p
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stage != "" {
		p.Stage = w.stage
	}
	p.Tiles, p.TilesTotal = coarse(w.most.tiles, w.total.tiles, leastTiles), w.total.tiles
	p.Openings, p.OpeningsTotal = coarse(w.most.openings, w.total.openings, leastOpenings), w.total.openings
	p.Products, p.ProductsTotal = coarse(w.most.products, w.total.products, leastProducts), w.total.products
	return p
}

// Progress is how far this node is with its part of a query's attempt under way; nil where
// it has none, or where the ledger has it.
func (n *Node) Progress(q catalog.Query) *wire.Progress {
	a, member := running(q.Attempts, n.id)
	if !member || q.State != catalog.QueryRunning || slices.Contains(q.Shares, n.id) || slices.Contains(q.Cohort, n.id) {
		return nil
	}
	return n.headways.find(querySession(q.ID, a.Number)).tell(a.Number)
}
