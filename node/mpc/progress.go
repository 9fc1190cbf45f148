package mpc

import (
	"sync"

	"github.com/weirdata/weir/compute/plan"
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

// counts are steps of a query's work.
type counts struct{ tiles, openings, products int64 }

// countsOf is the work that a plan is for each member. A private vector multiplies the
// slots of whole sums.
func countsOf(p *plan.Plan) counts {
	c := counts{tiles: p.Tiles + p.SecondTiles, openings: int64(p.Openings()), products: p.Multiplied()}
	for _, a := range p.Accumulators {
		if p.Private() && p.Vector(a.Column) != "" && !p.Kinds[a.Column].Count {
			c.products += plan.Slots * int64(p.Pieces())
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

// progress is how far this node is with one attempt. All methods are safe for concurrent
// use; a nil one counts nothing.
type progress struct {
	heard func(now wire.Progress) // is told every change; nil: nobody

	mu    sync.Mutex
	stage wire.Stage
	now   counts // of this run of the work
	most  counts // ever, of this attempt
	total counts
}

// reset begins the work anew.
func (p *progress) reset(total counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.now = total, counts{}
}

func (p *progress) enter(stage wire.Stage) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage = stage
	p.changed()
}

func (p *progress) count(d counts) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.add(d, p.total)
	p.most = p.most.atLeast(p.now)
	p.changed()
}

// changed tells who listens. mu is held.
func (p *progress) changed() {
	if p.heard != nil {
		p.heard(wire.Progress{
			Stage: p.stage, Tiles: p.most.tiles, TilesTotal: p.total.tiles, Openings: p.most.openings, OpeningsTotal: p.total.openings,
			Products: p.most.products, ProductsTotal: p.total.products,
		})
	}
}

func (p *progress) added(tiles int)      { p.count(counts{tiles: int64(tiles)}) }
func (p *progress) opened(sums int)      { p.count(counts{openings: int64(sums)}) }
func (p *progress) multiplied(slots int) { p.count(counts{products: int64(slots)}) }

// Progress is how far this node is with its part of an attempt, in steps: what its owner is told.
// It is kept in memory alone, and nothing is decided by it.
func (as *Attempts) Progress(session string, attempt int) *wire.Progress {
	told := &wire.Progress{Attempt: attempt, Stage: wire.StageWaiting}
	p := as.progress(session)
	if p == nil {
		return told
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage != "" {
		told.Stage = p.stage
	}
	told.Tiles, told.TilesTotal = coarse(p.most.tiles, p.total.tiles, leastTiles), p.total.tiles
	told.Openings, told.OpeningsTotal = coarse(p.most.openings, p.total.openings, leastOpenings), p.total.openings
	told.Products, told.ProductsTotal = coarse(p.most.products, p.total.products, leastProducts), p.total.products
	return told
}
