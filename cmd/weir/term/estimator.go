package term

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Estimator estimates a rate and the remaining time from counts at some times. The zero
// Estimator is ready.
type Estimator struct {
	begun, changed time.Time // the first count, and the last that was another one
	from, done     float64   // what was done at the first count and is at the last, of 1
	counts         []count   // of the last rateWindow
}

// count is how many there were at some time.
type count struct {
	at time.Time
	n  int64
}

const (
	// rateWindow is what a rate is measured over: several counts, so that it does not
	// jump, and not what was long ago.
	rateWindow = 5 * time.Second
	// leastSpan is what has to be measured before a rate or a remaining time means
	// anything.
	leastSpan = time.Second
)

// Add takes a count: what part of 1 is done, and n of what is counted.
func (e *Estimator) Add(now time.Time, done float64, n int64) {
	if e.begun.IsZero() {
		e.begun, e.changed, e.from, e.done = now, now, done, done
	}
	if done != e.done {
		e.changed, e.done = now, done
	}
	if last := len(e.counts) - 1; last < 0 || e.counts[last].n != n {
		e.counts = append(e.counts, count{now, n})
	}
	for len(e.counts) > 2 && now.Sub(e.counts[1].at) > rateWindow {
		e.counts = e.counts[1:]
	}
}

// Started reports whether there was a count.
func (e *Estimator) Started() bool { return !e.begun.IsZero() }

// Rate returns how many come in a second; 0: that is not known yet.
func (e *Estimator) Rate() float64 {
	if len(e.counts) < 2 {
		return 0
	}
	a, b := e.counts[0], e.counts[len(e.counts)-1]
	if b.at.Sub(a.at) < leastSpan || b.n <= a.n {
		return 0
	}
	return float64(b.n-a.n) / b.at.Sub(a.at).Seconds()
}

// FormatRate says how fast things of so many bytes come, " at 64 MB/s"; nothing as long as that
// is not known.
func (e *Estimator) FormatRate(bytes int) string {
	rate := e.Rate() * float64(bytes)
	if rate <= 0 {
		return ""
	}
	return " at " + humanize.Bytes(uint64(rate)) + "/s"
}

// remaining returns the remaining time at the speed so far, in whole seconds; 0: not known yet.
func (e *Estimator) remaining(now time.Time) time.Duration {
	took := e.changed.Sub(e.begun)
	if took < leastSpan || e.done <= e.from || e.done >= 1 {
		return 0
	}
	left := time.Duration(float64(took)*(1-e.done)/(e.done-e.from)) - now.Sub(e.changed)
	return max(left.Round(time.Second), time.Second)
}

const (
	widestMeter    = 30
	narrowestMeter = 5
)

// Line returns a text with a meter, what is done and the remaining time, in a terminal of
// so many columns.
func (e *Estimator) Line(text string, now time.Time, columns int) string {
	tail := fmt.Sprintf("%3.0f%%", 100*e.done)
	if left := e.remaining(now); left > 0 {
		if words := fmt.Sprintf("%s, %s left", tail, left); Width(text)+1+len(words) < columns {
			tail = words
		}
	}
	if room := min(columns-1-Width(text)-len(tail)-len(" || "), widestMeter); room >= narrowestMeter {
		full := int(e.done * float64(room))
		text += " |" + strings.Repeat("█", full) + strings.Repeat(" ", room-full) + "|"
	}
	return Cut(text+" "+tail, columns)
}
