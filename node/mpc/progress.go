package mpc

import (
	"cmp"
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
	was, most, total := p.now, p.most, p.total
	p.now = counts{min(was.tiles+d.tiles, total.tiles), min(was.openings+d.openings, total.openings), min(was.products+d.products, total.products)}
	p.most = counts{max(most.tiles, p.now.tiles), max(most.openings, p.now.openings), max(most.products, p.now.products)}
	p.changed()
}

// changed tells who listens. mu is held.
func (p *progress) changed() {
	if p.heard != nil {
		p.heard(p.told(func(done, _, _ int64) int64 { return done }))
	}
}

// told is how far the work is, by counts that are rounded down. mu is held.
func (p *progress) told(round func(done, total, least int64) int64) wire.Progress {
	return wire.Progress{
		Stage: p.stage, TilesTotal: p.total.tiles, OpeningsTotal: p.total.openings, ProductsTotal: p.total.products,
		Tiles:    round(p.most.tiles, p.total.tiles, leastTiles),
		Openings: round(p.most.openings, p.total.openings, leastOpenings),
		Products: round(p.most.products, p.total.products, leastProducts),
	}
}

func (p *progress) added(tiles int)      { p.count(counts{tiles: int64(tiles)}) }
func (p *progress) opened(sums int)      { p.count(counts{openings: int64(sums)}) }
func (p *progress) multiplied(slots int) { p.count(counts{products: int64(slots)}) }

// Progress is how far this node is with its part of an attempt, in steps: what its owner is told.
// It is kept in memory alone, and nothing is decided by it.
func (as *Attempts) Progress(session string, attempt int) *wire.Progress {
	var told wire.Progress
	if p := as.progress(session); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		told = p.told(coarse)
	}
	told.Attempt, told.Stage = attempt, cmp.Or(told.Stage, wire.StageWaiting)
	return &told
}
