package buyer

import (
	"fmt"
	"sync"
	"time"

	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/ask"
)

// queryProgress says how far a query is, from what the nodes count.
type queryProgress struct {
	mu       sync.Mutex
	last     ask.Progress   // guarded by mu; the newest
	estimate term.Estimator // guarded by mu; of the attempt under way
}

// heard takes what was told at some time.
func (w *queryProgress) heard(h ask.Progress, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.Attempt != h.Attempt || w.last.Stage == wire.StageWaiting {
		w.estimate = term.Estimator{}
	}
	w.estimate.Add(now, h.Fraction(), h.Tiles)
	w.last = h
}

// line is what there is to say at some time, in a terminal of so many columns; empty: the
// nodes say nothing.
func (w *queryProgress) line(now time.Time, columns int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.estimate.Started() {
		return term.Cut("asking the nodes", columns)
	}
	if !w.last.Known {
		return ""
	}
	text := w.words()
	if w.last.Attempt > 1 {
		text = fmt.Sprintf("attempt %d: %s", w.last.Attempt, text)
	}
	if w.last.Attempt == 0 || w.last.TilesTotal == 0 {
		return term.Cut(text, columns)
	}
	return w.estimate.Line(text, now, columns)
}

// words say what the member that is behind is doing. mu is held.
func (w *queryProgress) words() string {
	h := w.last
	switch h.Stage {
	case wire.StageTiles:
		text := fmt.Sprintf("adding tiles, %d of %d", h.Tiles, h.TilesTotal)
		return text + w.estimate.FormatRate(h.TileBytes)
	case wire.StageOpenings:
		return fmt.Sprintf("opening sums, %d of %d", h.Openings, h.OpeningsTotal)
	case wire.StageTest:
		return "testing the portfolio"
	case wire.StageProducts:
		return fmt.Sprintf("multiplying shares, %d of %d", h.Products, h.ProductsTotal)
	case wire.StageAnswer:
		return "waiting for the sealed answer"
	}
	return "waiting for its turn"
}
