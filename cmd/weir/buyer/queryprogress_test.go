package buyer

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/ask"
)

// told is what a client tells that heard these counts of 640 tiles and 100 openings.
func told(attempt int, stage wire.Stage, tiles, openings int64) ask.Progress {
	h := ask.Progress{Known: true, TileBytes: 400_000, Progress: wire.Progress{Attempt: attempt, Stage: stage}}
	if stage != wire.StageWaiting {
		h.Tiles, h.TilesTotal, h.Openings, h.OpeningsTotal = tiles, 640, openings, 100
	}
	return h
}

// What is said follows the counts, with rate and remaining time by the clock.
func TestLineOfAQuerySaysStageRateAndRemainingTime(t *testing.T) {
	w := &queryProgress{}
	clock := time.Unix(1_000_000, 0)
	at := func(seconds int) time.Time { return clock.Add(time.Duration(seconds) * time.Second) }
	if got := w.line(clock, 100); got != "asking the nodes" {
		t.Errorf("nothing is known, and it says %q", got)
	}
	if got := silent().line(clock, 100); got != "" {
		t.Errorf("of nodes that say nothing it says %q", got)
	}
	for _, step := range []struct {
		second int
		heard  ask.Progress
		want   []string
		never  []string
	}{
		{0, told(0, wire.StageWaiting, 0, 0), []string{"waiting for its turn"}, []string{"left", "%", "|"}},
		{3, told(1, wire.StageTiles, 0, 0), []string{"adding tiles, 0 of 640", "0%"}, []string{"left", "MB/s"}},
		{5, told(1, wire.StageTiles, 320, 0), []string{"adding tiles, 320 of 640 at 64 MB/s", " 14%", "12s left"}, []string{"attempt"}},
		{7, told(1, wire.StageTiles, 640, 0), []string{"640 of 640 at 64 MB/s", " 28%", "10s left"}, nil},
		{8, told(1, wire.StageOpenings, 640, 0), []string{"opening sums, 0 of 100", " 28%", "9s left"}, []string{"MB/s"}},
		{9, told(1, wire.StageOpenings, 640, 64), []string{"opening sums, 64 of 100", " 74%", "2s left"}, nil},
		{10, told(1, wire.StageAnswer, 640, 100), []string{"waiting for the sealed answer", "100%"}, []string{"left"}},
	} {
		w.heard(step.heard, at(step.second))
		got := w.line(at(step.second), 100)
		for _, part := range step.want {
			if !strings.Contains(got, part) {
				t.Errorf("second %d: %q lacks %q", step.second, got, part)
			}
		}
		for _, part := range step.never {
			if strings.Contains(got, part) {
				t.Errorf("second %d: %q has %q", step.second, got, part)
			}
		}
	}
	// Time goes on between two counts.
	w = &queryProgress{}
	w.heard(told(1, wire.StageTiles, 0, 0), at(0))
	w.heard(told(1, wire.StageTiles, 320, 0), at(2))
	if a, b := w.line(at(2), 100), w.line(at(7), 100); !strings.Contains(a, "12s left") || !strings.Contains(b, "7s left") {
		t.Errorf("%q, and five seconds later %q", a, b)
	}
	if late := w.line(at(100), 100); !strings.Contains(late, "1s left") {
		t.Errorf("long after the expected end: %q", late)
	}
}

// An attempt that is begun anew is said to be one, and counts and times begin anew.
func TestLineOfAnAttemptBegunAnew(t *testing.T) {
	w := &queryProgress{}
	clock := time.Unix(1_000_000, 0)
	w.heard(told(1, wire.StageTiles, 0, 0), clock)
	w.heard(told(1, wire.StageOpenings, 640, 64), clock.Add(5*time.Second))
	w.heard(told(2, wire.StageTiles, 64, 0), clock.Add(9*time.Second))
	if got := w.line(clock.Add(9*time.Second), 100); !strings.HasPrefix(got, "attempt 2: adding tiles, 64 of 640") || strings.Contains(got, "left") || strings.Contains(got, "MB/s") {
		t.Errorf("said %q", got)
	}
	private := told(2, wire.StageTest, 640, 100)
	private.ProductsTotal = 16384
	w.heard(private, clock.Add(10*time.Second))
	if got := w.line(clock.Add(10*time.Second), 100); !strings.HasPrefix(got, "attempt 2: testing the portfolio") {
		t.Errorf("said %q", got)
	}
	private.Stage, private.Products = wire.StageProducts, 8192
	w.heard(private, clock.Add(11*time.Second))
	if got := w.line(clock.Add(11*time.Second), 100); !strings.HasPrefix(got, "attempt 2: multiplying shares, 8192 of 16384") {
		t.Errorf("said %q", got)
	}
}

// A line never wraps: what has wrapped cannot be overwritten.
func TestLineFitsTheTerminal(t *testing.T) {
	w := &queryProgress{}
	clock := time.Unix(1_000_000, 0)
	w.heard(told(2, wire.StageTiles, 0, 0), clock)
	w.heard(told(2, wire.StageTiles, 320, 0), clock.Add(3*time.Second))
	for columns := 1; columns < 200; columns++ {
		if got := utf8.RuneCountInString(w.line(clock.Add(3*time.Second), columns)); got >= max(columns, 1) && got > 0 {
			t.Fatalf("%d characters in %d columns", got, columns)
		}
	}
}

// The line is drawn over what stood there, is erased in the end, and makes room for what
// is told in between.
func TestLineIsDrawnOverAndErased(t *testing.T) {
	defer goleak.VerifyNone(t)
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	p.Note = func(_ string, args ...any) { terminal.WriteString("NOTE " + args[0].(string) + "\n") }
	far := &queryProgress{}
	clock := time.Unix(1_000_000, 0)
	now, ticks := make(chan time.Time), make(chan time.Time)
	go func() { now <- clock }() // the start
	stop := drawAnswering(p, far, time.Second, func() time.Time { return <-now }, ticks)
	tick := func(second int, h ask.Progress, before func()) {
		ticks <- clock // is taken when what was drawn before is drawn
		before()
		far.heard(h, clock.Add(time.Duration(second)*time.Second))
		now <- clock.Add(time.Duration(second) * time.Second)
	}
	nothing := func() {}
	tick(1, told(1, wire.StageTiles, 64, 0), nothing)
	tick(1, told(1, wire.StageTiles, 64, 0), nothing) // nothing new: nothing is drawn
	tick(3, told(1, wire.StageTiles, 128, 0), nothing)
	tick(4, told(2, wire.StageTiles, 64, 0), func() {
		noteAttempts(p)(catalog.Query{ID: "q-1", Attempts: []catalog.Attempt{{Number: 1, Failed: catalog.Why("node.unanswering", []string{"n2"})}}})
	})
	stop()
	parts := strings.Split(terminal.String(), "\r")
	if len(parts) != 6 || parts[0] != "" || !strings.HasPrefix(parts[1], "adding tiles, 64 of 640") || !strings.HasPrefix(parts[2], "adding tiles, 128 of 640") {
		t.Fatalf("drew %q", parts)
	}
	if !strings.HasPrefix(parts[3], "\x1b[KNOTE attempt 1 of query q-1 failed (n2 does not answer); the nodes begin anew\n") {
		t.Errorf("told %q", parts[3])
	}
	if last := parts[len(parts)-1]; last != "\x1b[K" {
		t.Errorf("left %q", last)
	}
}

// silent has heard of nodes that do not say how far they are.
func silent() *queryProgress {
	w := &queryProgress{}
	w.heard(ask.Progress{Query: catalog.Query{ID: "q-1"}, Progress: wire.Progress{Attempt: 1, Stage: wire.StageWaiting}}, time.Unix(1, 0))
	return w
}

// Nodes that do not say how far they are get the bar of the expected time.
func TestBarOfTheExpectedTimeWhereNodesDoNotSay(t *testing.T) {
	defer goleak.VerifyNone(t)
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	clock := time.Unix(1_000_000, 0)
	now, ticks := make(chan time.Time, 2), make(chan time.Time)
	now <- clock
	now <- clock.Add(3 * time.Second)
	stop := drawAnswering(p, silent(), 4*time.Second, func() time.Time { return <-now }, ticks)
	ticks <- clock
	stop()
	if drawn := terminal.String(); !strings.Contains(drawn, "nodes open the sums") || !strings.Contains(drawn, "75%") {
		t.Errorf("drew %q", drawn)
	}
}

// An answer that takes its time gets a bar, a quick one none, and none stays.
func TestBarOfAnAnswerShowsTheExpectedTimeAndEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	clock := time.Unix(0, 0)
	ticks := make(chan time.Time)
	stop := drawAnswering(p, silent(), 4*time.Second, func() time.Time { return clock }, ticks)
	ticks <- clock // at once: too early
	ticks <- clock // the first tick is dealt with
	if terminal.Len() > 0 {
		t.Errorf("drew %q at once", terminal.String())
	}
	stop()
	clock = time.Unix(0, 0)
	now := make(chan time.Time, 2)
	now <- clock
	now <- clock.Add(3 * time.Second)
	stop = drawAnswering(p, silent(), 4*time.Second, func() time.Time { return <-now }, ticks)
	ticks <- clock
	stop()
	if drawn := terminal.String(); !strings.Contains(drawn, "nodes open the sums") || !strings.Contains(drawn, "75%") {
		t.Errorf("drew %q, want three quarters", drawn)
	}
	// One that takes longer than expected says so, and for how long.
	late := make(chan time.Time, 2)
	late <- clock
	late <- clock.Add(9 * time.Second)
	stop = drawAnswering(p, silent(), 4*time.Second, func() time.Time { return <-late }, ticks)
	ticks <- clock
	stop()
	if drawn := terminal.String(); !strings.Contains(drawn, "for longer than expected") || strings.Contains(drawn, "100%") {
		t.Errorf("drew %q, want that it takes longer", drawn)
	}
}

// progressOn is the progress on a terminal of 80 columns whose clock goes on by a second
// whenever it is looked at.
func progressOn(terminal io.Writer) *cli.Progress {
	clock := time.Unix(0, 0)
	return &cli.Progress{
		Bar: term.NewBarOn(terminal, func() int { return 80 }, func() time.Time {
			clock = clock.Add(time.Second)
			return clock
		}),
		Note: func(string, ...any) {},
	}
}
