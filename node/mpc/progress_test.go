package mpc

import (
	"sync"
	"testing"

	"github.com/weirdata/weir/node/api/wire"
)

// What is told are whole steps: no more of them than mostSteps, none smaller than least.
func TestProgressIsToldInCoarseSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ total, least int64 }{{1, 64}, {63, 64}, {64, 64}, {65, 64}, {5520, 64}, {131072, 64}, {100, 1 << 14}, {1 << 22, 1 << 14}, {0, 64}} {
		steps, last := 0, int64(0)
		for done := int64(0); done <= c.total; done++ {
			told := coarse(done, c.total, c.least)
			if told < last || told > done {
				t.Fatalf("%d of %d is told as %d, after %d", done, c.total, told, last)
			}
			if told > last {
				if told-last < c.least && told != c.total {
					t.Fatalf("of %d: a step from %d to %d", c.total, last, told)
				}
				steps, last = steps+1, told
			}
		}
		if last != c.total || steps > mostSteps+1 {
			t.Errorf("of %d: %d steps, the last to %d", c.total, steps, last)
		}
	}
}

// Work that broke off and is begun again within an attempt does not go back, no count
// exceeds its total, and an attempt that is over is forgotten.
func TestProgressNeverGoesBackWithinAnAttempt(t *testing.T) {
	t.Parallel()
	h := newAttempts(nil)
	if p := h.Progress("query/q/1", 1); *p != (wire.Progress{Attempt: 1, Stage: wire.StageWaiting}) {
		t.Errorf("not begun, and told as %+v", p)
	}
	total := counts{tiles: 200, openings: 130, products: 1 << 15}
	w := h.start("query/q/1", total)
	w.enter(wire.StageTiles)
	w.added(150)
	w.opened(70)
	want := wire.Progress{Attempt: 1, Stage: wire.StageTiles, Tiles: 128, TilesTotal: 200, Openings: 64, OpeningsTotal: 130, ProductsTotal: 1 << 15}
	if p := h.Progress("query/q/1", 1); *p != want {
		t.Errorf("told %+v", p)
	}
	w = h.start("query/q/1", total)
	w.added(10)
	if p := h.Progress("query/q/1", 1); *p != want {
		t.Errorf("begun again, and told %+v", p)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				w.added(4)
				w.opened(1)
				w.multiplied(1 << 12)
			}
		})
	}
	wg.Wait()
	if p := h.Progress("query/q/1", 1); p.Tiles != 200 || p.Openings != 130 || p.Products != 1<<15 || p.Fraction() != 1 {
		t.Errorf("all is done, and told %+v", p)
	}
	h.start("query/q/2", total)
	h.Keep(func(session string) bool { return session == "query/q/2" })
	if h.progress("query/q/1") != nil || h.progress("query/q/2") == nil {
		t.Error("the wrong attempt was forgotten")
	}
	var none *progress
	none.enter(wire.StageTiles)
	none.added(1)
}
