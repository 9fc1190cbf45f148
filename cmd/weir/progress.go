package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/weirdata/weir/node/client"
)

// progress shows how far a long command is: a bar on a terminal, nothing
// elsewhere. It may be told from several goroutines.
type progress struct {
	out   io.Writer     // nil: silent
	every time.Duration // at most so often is it drawn
	width func() int    // of the terminal, in columns

	mu    sync.Mutex
	bar   *progressbar.ProgressBar // guarded by mu
	lined string                   // guarded by mu; the line that stands there instead of a bar
	stage client.Stage             // guarded by mu
	base  int                      // guarded by mu; of the stage's count, what was there before
	told  string                   // guarded by mu; the last thing noted
	still chan struct{}            // guarded by mu; closed, it ends what turns the bar; nil: nothing does
	note  func(format string, args ...any)

	turning sync.WaitGroup
}

// turnEvery is how often a bar without numbers moves, so that it does not look dead.
const turnEvery = 200 * time.Millisecond

func (a *app) newProgress() *progress {
	f, ok := a.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) { //nolint:gosec // descriptors are small
		return &progress{note: a.note}
	}
	return &progress{out: f, every: 100 * time.Millisecond, width: terminalWidth(f), note: a.note}
}

// stageAnswering is the wait for an answer, stageLonger what is more than expected of
// it.
const (
	stageAnswering client.Stage = "answering"
	stageLonger    client.Stage = "longer"
)

// titles say what is going on.
var titles = map[client.Stage]string{
	stageAnswering:        "nodes open the sums",
	stageLonger:           "nodes open the sums, for longer than expected",
	client.StageReading:   "reading files",
	client.StageRegistry:  "sending the registry",
	client.StageUploading: "encrypting and uploading",
	client.StageProposing: "putting the version into the ledger",
	client.StageChecking:  "nodes store and check",
}

// publishing shows the progress of a publication.
func (p *progress) publishing(now client.Progress) {
	switch now.Stage {
	case client.StageKey:
		p.tell("waiting for your key: " + now.Waiting)
	case client.StageReading:
		if now.BytesTotal > 0 {
			p.show(now.Stage, int(now.Bytes), int(now.BytesTotal))
			return
		}
		p.show(now.Stage, now.Rows, -1)
	case client.StageRegistry:
		p.show(now.Stage, now.Rows, now.RowsTotal)
	case client.StageUploading:
		p.show(now.Stage, now.Tiles, now.TilesTotal)
	default:
		if now.Waiting != "" {
			p.tell("waiting: " + now.Waiting)
			return
		}
		p.show(now.Stage, 0, -1)
		p.turn()
	}
}

// turn moves the bar, which has no numbers, until it ends.
func (p *progress) turn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil || p.still != nil {
		return
	}
	still := make(chan struct{})
	p.still = still
	p.turning.Go(func() {
		t := time.NewTicker(max(p.every, turnEvery))
		defer t.Stop()
		for n := 1; ; n++ {
			select {
			case <-still:
				return
			case <-t.C:
			}
			p.mu.Lock()
			if p.still == still {
				_ = p.bar.Set(n) // as in show
			}
			p.mu.Unlock()
		}
	})
}

// tell notes something that a person should know even without a terminal, once.
func (p *progress) tell(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told != what {
		p.told = what
		p.end()
		p.note("%s", what)
	}
}

// rows shows the progress of a registry.
func (p *progress) rows(done, total int) { p.show(client.StageRegistry, done, total) }

// show moves the bar of a stage; a total of −1 is not known.
func (p *progress) show(stage client.Stage, done, total int) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil || p.stage != stage {
		p.end()
		p.stage, p.base = stage, 0
		title := titles[stage]
		if stage == client.StageUploading && done > 1 { // taken up again: the rate is of what is done now
			p.base = done - 1
			title = fmt.Sprintf("%s, %d of %d being there", title, p.base, total)
		}
		p.bar = p.newBar(stage, title, total-p.base)
	}
	done -= p.base
	if done == 0 && counts[stage] != "" {
		return // a rate makes sense only later
	}
	// A bar that cannot be drawn is no reason to stop what it shows.
	_ = p.bar.Set(done)
}

// counts are what a stage's numbers count; a stage without shows none.
var counts = map[client.Stage]string{
	client.StageReading:   "rows",
	client.StageRegistry:  "rows",
	client.StageUploading: "tiles",
}

// barAfter is how long an answer may take before a bar is worth drawing.
const barAfter = 500 * time.Millisecond

// answering shows how far an answer is, at every tick until stop is called. Where the
// nodes do not say, it is how much of the expected time has passed: an estimate, and
// where that was too short, only the time.
func (p *progress) answering(far *headway, expected time.Duration, now func() time.Time, ticks <-chan time.Time) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	start, total := now(), int(expected.Milliseconds())
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-ticks:
			}
			at := now()
			took := at.Sub(start)
			if took < barAfter {
				continue
			}
			if line := far.line(at, p.width()); line != "" {
				p.draw(line)
			} else if ms := int(took.Milliseconds()); ms < total {
				p.show(stageAnswering, ms, total)
			} else {
				p.show(stageLonger, ms, -1)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		p.finish()
	}
}

// draw puts a line in the place of the bar.
func (p *progress) draw(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.end()
	}
	if line != p.lined {
		p.lined = line
		// As in show. The rest of what stood there is erased.
		_, _ = io.WriteString(p.out, "\r"+line+"\x1b[K")
	}
}

// newBar makes the bar of a stage, and draws it where there is nothing to count. It
// draws only when it is told something: the library's own ticking
// goroutine would go on drawing when the bar is gone.
func (p *progress) newBar(stage client.Stage, title string, total int) *progressbar.ProgressBar {
	o := []progressbar.Option{
		progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(title),
		progressbar.OptionSetPredictTime(total > 0), progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionThrottle(p.every), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30),
		progressbar.OptionShowTotalBytes(total > 0),
	}
	switch unit := counts[stage]; {
	case stage == client.StageReading && total > 0:
		o = append(o, progressbar.OptionShowCount(), progressbar.OptionShowBytes(true))
	case unit != "":
		o = append(o, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit))
	case total <= 0:
		o = append(o, progressbar.OptionSetRenderBlankState(true))
	}
	return progressbar.NewOptions(total, o...)
}

// finish removes the bar, and returns when nothing moves any more. It may be called
// twice.
func (p *progress) finish() {
	p.mu.Lock()
	p.end()
	p.mu.Unlock()
	p.turning.Wait()
}

// end removes the bar; mu is held.
func (p *progress) end() {
	if p.still != nil {
		close(p.still)
		p.still = nil
	}
	if p.bar != nil {
		_ = p.bar.Clear() // as above
		p.bar = nil
	}
	if p.lined != "" {
		_, _ = io.WriteString(p.out, "\r\x1b[K") // as above
		p.lined = ""
	}
}
