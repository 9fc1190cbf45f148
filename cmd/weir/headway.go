package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// headway says how far a query is, from what the nodes count.
type headway struct {
	mu   sync.Mutex
	last client.Headway // guarded by mu; the newest
	// begun is when the attempt was first seen, from is what was done by then, and changed
	// is when the last count changed. Guarded by mu.
	begun, changed time.Time
	from           float64
	tiles          []tileCount // guarded by mu; of the last rateWindow
}

// tileCount is how many tiles were added up at some time.
type tileCount struct {
	at    time.Time
	tiles int64
}

const (
	// rateWindow is what the rate is measured over: several of the nodes' steps, so that
	// it does not jump, and not what was long ago.
	rateWindow = 5 * time.Second
	// leastSpan is what has to be measured before a rate or a remaining time means
	// anything.
	leastSpan = time.Second
)

// heard takes what was told at some time.
func (w *headway) heard(h client.Headway, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.Attempt != h.Attempt || w.begun.IsZero() || w.last.Stage == wire.StageWaiting {
		w.begun, w.changed, w.from, w.tiles = now, now, h.Fraction(), nil
	}
	if h.Fraction() != w.last.Fraction() {
		w.changed = now
	}
	if n := len(w.tiles); n == 0 || w.tiles[n-1].tiles != h.Tiles {
		w.tiles = append(w.tiles, tileCount{now, h.Tiles})
	}
	for len(w.tiles) > 2 && now.Sub(w.tiles[1].at) > rateWindow {
		w.tiles = w.tiles[1:]
	}
	w.last = h
}

// line is what there is to say at some time, in a terminal of so many columns; empty: the
// nodes say nothing.
func (w *headway) line(now time.Time, columns int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun.IsZero() {
		return cut("asking the nodes", columns)
	}
	if !w.last.Known {
		return ""
	}
	text := w.words()
	if w.last.Attempt > 1 {
		text = fmt.Sprintf("attempt %d: %s", w.last.Attempt, text)
	}
	if w.last.Attempt == 0 || w.last.TilesTotal == 0 {
		return cut(text, columns)
	}
	done := w.last.Fraction()
	tail := fmt.Sprintf("%3.0f%%", 100*done)
	if left := w.left(now, done); left > 0 {
		tail += fmt.Sprintf(", %s left", left)
	}
	if room := min(columns-1-len(text)-len(tail)-4, 30); room >= 5 {
		full := int(done * float64(room))
		text += " |" + strings.Repeat("█", full) + strings.Repeat(" ", room-full) + "|"
	}
	return cut(text+" "+tail, columns)
}

// words say what the member that is behind is doing. mu is held.
func (w *headway) words() string {
	h := w.last
	switch h.Stage {
	case wire.StageTiles:
		text := fmt.Sprintf("adding tiles, %d of %d", h.Tiles, h.TilesTotal)
		if rate := w.rate(); rate > 0 {
			text += fmt.Sprintf(" at %.0f MB/s", rate)
		}
		return text
	case wire.StageOpenings:
		return fmt.Sprintf("opening sums, %d of %d", h.Openings, h.OpeningsTotal)
	case wire.StageCohort:
		return "testing the cohorts"
	case wire.StageProducts:
		return fmt.Sprintf("multiplying shares, %d of %d", h.Products, h.ProductsTotal)
	case wire.StageAnswer:
		return "waiting for the sealed answer"
	}
	return "waiting for its turn"
}

// rate is how fast tiles are added up, in MB/s; 0: not known yet. mu is held.
func (w *headway) rate() float64 {
	if len(w.tiles) < 2 {
		return 0
	}
	a, b := w.tiles[0], w.tiles[len(w.tiles)-1]
	if b.at.Sub(a.at) < leastSpan {
		return 0
	}
	return float64(b.tiles-a.tiles) * float64(w.last.TileBytes) / 1e6 / b.at.Sub(a.at).Seconds()
}

// left is the remaining time at the speed so far, in whole seconds; 0: not known yet. mu
// is held.
func (w *headway) left(now time.Time, done float64) time.Duration {
	took := w.changed.Sub(w.begun)
	if took < leastSpan || done <= w.from || done >= 1 {
		return 0
	}
	left := time.Duration(float64(took)*(1-done)/(done-w.from)) - now.Sub(w.changed)
	return max(left.Round(time.Second), time.Second)
}

// cut shortens a line to what fits, so that it can be overwritten.
func cut(s string, columns int) string {
	for columns > 0 && utf8.RuneCountInString(s) >= columns {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// terminalWidth is the width of a terminal.
func terminalWidth(f *os.File) func() int {
	return func() int {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 { //nolint:gosec // descriptors are small
			return width
		}
		return 80
	}
}
