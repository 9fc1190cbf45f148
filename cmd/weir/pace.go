package main

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// pace is how fast something gets on, by counts that others tell.
type pace struct {
	begun, changed time.Time   // the first count, and the last that was another one
	from, done     float64     // what was done at the first count and is at the last, of 1
	tiles          []tileCount // of the last rateWindow
}

// tileCount is how many tiles there were at some time.
type tileCount struct {
	at    time.Time
	tiles int64
}

const (
	// rateWindow is what a rate is measured over: several of the nodes' steps, so that it
	// does not jump, and not what was long ago.
	rateWindow = 5 * time.Second
	// leastSpan is what has to be measured before a rate or a remaining time means
	// anything.
	leastSpan = time.Second
)

// step takes a count.
func (p *pace) step(now time.Time, done float64, tiles int64) {
	if p.begun.IsZero() {
		p.begun, p.changed, p.from, p.done = now, now, done, done
	}
	if done != p.done {
		p.changed, p.done = now, done
	}
	if n := len(p.tiles); n == 0 || p.tiles[n-1].tiles != tiles {
		p.tiles = append(p.tiles, tileCount{now, tiles})
	}
	for len(p.tiles) > 2 && now.Sub(p.tiles[1].at) > rateWindow {
		p.tiles = p.tiles[1:]
	}
}

// rate says how fast tiles of so many bytes come; empty: that is not known yet.
func (p *pace) rate(tileBytes int) string {
	if len(p.tiles) < 2 || tileBytes <= 0 {
		return ""
	}
	a, b := p.tiles[0], p.tiles[len(p.tiles)-1]
	if b.at.Sub(a.at) < leastSpan || b.tiles <= a.tiles {
		return ""
	}
	return fmt.Sprintf(" at %.0f MB/s", float64(b.tiles-a.tiles)*float64(tileBytes)/1e6/b.at.Sub(a.at).Seconds())
}

// left is the remaining time at the speed so far, in whole seconds; 0: not known yet.
func (p *pace) left(now time.Time) time.Duration {
	took := p.changed.Sub(p.begun)
	if took < leastSpan || p.done <= p.from || p.done >= 1 {
		return 0
	}
	left := time.Duration(float64(took)*(1-p.done)/(p.done-p.from)) - now.Sub(p.changed)
	return max(left.Round(time.Second), time.Second)
}

// line is a text with a bar, what is done and the remaining time, in a terminal of so
// many columns.
func (p *pace) line(text string, now time.Time, columns int) string {
	tail := fmt.Sprintf("%3.0f%%", 100*p.done)
	if left := p.left(now); left > 0 {
		tail += fmt.Sprintf(", %s left", left)
	}
	if room := min(columns-1-len(text)-len(tail)-4, 30); room >= 5 {
		full := int(p.done * float64(room))
		text += " |" + strings.Repeat("█", full) + strings.Repeat(" ", room-full) + "|"
	}
	return cut(text+" "+tail, columns)
}

// cut shortens a line to what fits, so that it can be overwritten.
func cut(s string, columns int) string {
	for columns > 0 && utf8.RuneCountInString(s) >= columns {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// terminalWidth is the width of a terminal, in columns.
func terminalWidth(f *os.File) func() int {
	return func() int {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 { //nolint:gosec // descriptors are small
			return width
		}
		return 80
	}
}
