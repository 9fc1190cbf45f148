package buyer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
)

// openingSums is the wait for an answer by the time that is expected of it.
var openingSums = term.Task{Title: "nodes open the sums"}

// drawEvery is how often the progress of an answer is looked at.
const drawEvery = 100 * time.Millisecond

// barAfter is how long an answer may take before a bar is worth drawing.
const barAfter = 500 * time.Millisecond

// drawAnswering shows how far an answer is, at every tick until stop is called. Where the
// nodes do not say, it is how much of the expected time has passed: an estimate, and
// where that was too short, only the time.
func drawAnswering(p *cli.Progress, far *queryProgress, expected time.Duration, now func() time.Time, ticks <-chan time.Time) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	start := now()
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
			if line := far.line(at, p.Bar.Columns()); line != "" {
				p.Bar.Draw(line)
			} else if took < expected {
				p.Bar.Set(openingSums, took.Milliseconds(), expected.Milliseconds())
			} else {
				line := fmt.Sprintf("%s, for longer than expected, %s", openingSums.Title, took.Round(time.Second))
				p.Bar.Draw(term.Cut(line, p.Bar.Columns()))
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		p.Finish()
	}
}

// answering draws a bar for an answer that takes its time, on a terminal alone: only
// then are the nodes asked how far they are. A query that cannot be explained says why
// when it is asked.
func answering(ctx context.Context, p *cli.Progress, c *client.Client, sql string, o *ask.Options) (stop func()) {
	if !p.Bar.Visible() {
		return func() {}
	}
	far, seen := &queryProgress{}, o.States
	o.Progress = func(h ask.Progress) {
		seen(h.Query)
		far.heard(h, time.Now())
	}
	var expected time.Duration
	if x, err := ask.Explain(ctx, c, sql, *o); err == nil {
		expected = time.Duration(x.Millis) * time.Millisecond
	}
	t := time.NewTicker(drawEvery)
	end := drawAnswering(p, far, expected, time.Now, t.C)
	return func() {
		t.Stop()
		end()
	}
}

// noteAttempts tells once of each attempt that failed. It may be told from several
// goroutines, by nodes of which one is behind.
func noteAttempts(p *cli.Progress) func(catalog.Query) {
	var mu sync.Mutex
	seen := 0
	return func(q catalog.Query) {
		mu.Lock()
		defer mu.Unlock()
		for _, t := range q.Attempts[min(seen, len(q.Attempts)):] {
			if !t.Failed.IsZero() {
				seen = t.Number
				p.Tell(fmt.Sprintf("attempt %d of query %s failed (%s); the nodes begin anew", t.Number, q.ID, explain.Reason(t.Failed)))
			}
		}
	}
}
