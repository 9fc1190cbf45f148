package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/weirdata/weir/catalog/shown"
)

const (
	// redraw is how often a bar is drawn at most.
	redraw = 100 * time.Millisecond
	// spinEvery is how often a bar without numbers moves, so that it does not look dead.
	spinEvery = 200 * time.Millisecond
)

// frames are what moves in a bar without an end.
var frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// Task is what a bar shows the progress of.
type Task struct {
	Title string
	// Unit is what is counted, such as tiles; UnitBytes for bytes. Without one only the part
	// that is done is shown.
	Unit string
}

// UnitBytes is the unit of counts that are shown as kB, MB and so on.
const UnitBytes = "B"

// Bar is a line at the bottom of a terminal that says how far a command is. Where there is
// no terminal it draws nothing. It may be used by several goroutines.
type Bar struct {
	out     io.Writer  // nil: there is no terminal
	columns func() int // of the terminal
	now     func() time.Time

	mu       sync.Mutex
	line     string        // guarded by mu; what stands there; empty: nothing
	drawn    time.Time     // guarded by mu; when it was
	task     Task          // guarded by mu
	estimate Estimator     // guarded by mu; of the task
	begun    time.Time     // guarded by mu; when the task was
	frame    int           // guarded by mu
	still    chan struct{} // guarded by mu; closed, it ends what spins; nil: nothing does

	spinning sync.WaitGroup
}

// NewBar returns a bar on the terminal that w writes to, which draws nothing if w is none.
func NewBar(w io.Writer) *Bar {
	if Columns(w) == 0 {
		return &Bar{}
	}
	return NewBarOn(w, func() int { return Columns(w) }, time.Now)
}

// NewBarOn returns a bar on a terminal of columns() columns, with now as its clock.
func NewBarOn(out io.Writer, columns func() int, now func() time.Time) *Bar {
	return &Bar{out: out, columns: columns, now: now}
}

// Visible reports whether anybody sees the bar.
func (b *Bar) Visible() bool { return b.out != nil }

// Columns returns the width of the terminal.
func (b *Bar) Columns() int { return b.columns() }

// Set shows that so much of a task is done. A total of -1 is not known.
func (b *Bar) Set(task Task, done, total int64) {
	if !b.Visible() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	begins := b.begin(task)
	now := b.now()
	part := 0.0
	if total > 0 {
		part = float64(done) / float64(total)
	}
	b.estimate.Add(now, part, done)
	switch {
	case done == 0 && task.Unit != "": // there is nothing to count yet
		return
	case !begins && done != total && now.Sub(b.drawn) < redraw:
		return
	}
	text := task.Title + b.countWords(done, total)
	if total > 0 {
		b.draw(b.estimate.Line(text, now, b.columns()))
	} else {
		b.spin(text)
	}
}

// countWords says what was counted, and how fast it comes. mu is held.
func (b *Bar) countWords(done, total int64) string {
	unit := b.task.Unit
	if unit == "" {
		return ""
	}
	text, rate := fmt.Sprint(done), b.estimate.Rate()
	of, speed := fmt.Sprint(total), fmt.Sprintf("%.0f %s/s", rate, unit)
	if unit == UnitBytes {
		text, of, speed = humanize.Bytes(uint64(done)), humanize.Bytes(uint64(max(total, 0))), humanize.Bytes(uint64(rate))+"/s"
		if number, prefix, _ := strings.Cut(text, " "); strings.HasSuffix(of, " "+prefix) {
			text = number
		}
	}
	if total > 0 {
		text += "/" + of
	}
	if rate > 0 {
		text += ", " + speed
	}
	return " (" + text + ")"
}

// Spin shows a task without numbers, moving until the bar is drawn anew or erased.
func (b *Bar) Spin(task Task) {
	if !b.Visible() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begin(task) && b.still != nil {
		return
	}
	b.spin(task.Title)
	still := make(chan struct{})
	b.still = still
	b.spinning.Go(func() {
		t := time.NewTicker(spinEvery)
		defer t.Stop()
		for {
			select {
			case <-still:
				return
			case <-t.C:
			}
			b.mu.Lock()
			if b.still == still {
				b.spin(task.Title)
			}
			b.mu.Unlock()
		}
	})
}

// spin draws a text with the next frame, and for how long. mu is held.
func (b *Bar) spin(text string) {
	b.frame++
	if took := b.now().Sub(b.begun).Round(time.Second); took > 0 {
		text += ", " + took.String()
	}
	b.draw(Cut(string(frames[b.frame%len(frames)])+" "+text, b.columns()))
}

// Draw shows a line in the place of what stood there.
func (b *Bar) Draw(line string) {
	if !b.Visible() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin(Task{})
	b.draw(line)
}

// begin ends what is shown of another task, and reports whether it did. mu is held.
func (b *Bar) begin(task Task) bool {
	if b.task == task {
		return false
	}
	b.stop()
	b.task, b.estimate, b.begun = task, Estimator{}, b.now()
	return true
}

// draw puts a line in the place of what stood there. mu is held.
func (b *Bar) draw(line string) {
	if line == b.line {
		return
	}
	b.line, b.drawn = line, b.now()
	// That it cannot be drawn is no reason to stop what it shows.
	_, _ = io.WriteString(b.out, "\r"+shown.Text(line)+"\x1b[K")
}

// Erase removes the line, and returns when nothing moves any more.
func (b *Bar) Erase() {
	b.Hide()
	b.spinning.Wait()
}

// Hide removes the line until something is shown again: it makes room for a message.
func (b *Bar) Hide() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop()
	if b.line != "" {
		_, _ = io.WriteString(b.out, "\r\x1b[K") // as in draw
		b.line, b.task = "", Task{}
	}
}

// stop ends what spins. mu is held.
func (b *Bar) stop() {
	if b.still != nil {
		close(b.still)
		b.still = nil
	}
}

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
