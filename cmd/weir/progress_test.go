package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/node/client"
)

// Bars draw what they are told, of every stage, and nothing draws when they are
// gone: no goroutine stays.
func TestBarsOfEveryStageEndWithThePublication(t *testing.T) {
	defer goleak.VerifyNone(t)
	var terminal bytes.Buffer
	p := &progress{out: &terminal, width: func() int { return 80 }, note: func(string, ...any) {}}
	for _, now := range []client.Progress{
		{Stage: client.StageReading},
		{Stage: client.StageReading, Rows: 4096},
		{Stage: client.StageRegistry, Rows: 5, RowsTotal: 10},
		{Stage: client.StageUploading, Tiles: 0, TilesTotal: 4},
		{Stage: client.StageUploading, Tiles: 3, TilesTotal: 4},
		{Stage: client.StageChecking, Tiles: 4, TilesTotal: 4},
	} {
		p.publishing(now)
	}
	p.finish()
	drawn := terminal.String()
	for _, want := range []string{"reading files", "rows/s", "sending the registry", "(5/10", "encrypting and uploading", "(3/4", "tiles/s", "nodes store and check"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("never drew %q in %q", want, drawn)
		}
	}
	if i := strings.LastIndex(drawn, "nodes store"); strings.Contains(drawn[i:], "0/") {
		t.Errorf("counts where there is nothing to count: %q", drawn[i:])
	}
	p.finish() // twice is no matter
}

// An answer that takes its time gets a bar, a quick one none, and none stays.
func TestBarOfAnAnswerShowsTheExpectedTimeAndEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	var terminal bytes.Buffer
	p := &progress{out: &terminal, width: func() int { return 80 }, note: func(string, ...any) {}}
	clock := time.Unix(0, 0)
	ticks := make(chan time.Time)
	stop := p.answering(silent(), 4*time.Second, func() time.Time { return clock }, ticks)
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
	stop = p.answering(silent(), 4*time.Second, func() time.Time { return <-now }, ticks)
	ticks <- clock
	stop()
	if drawn := terminal.String(); !strings.Contains(drawn, "nodes open the sums") || !strings.Contains(drawn, "75%") {
		t.Errorf("drew %q, want three quarters", drawn)
	}
	// One that takes longer than expected says so, and for how long.
	late := make(chan time.Time, 2)
	late <- clock
	late <- clock.Add(9 * time.Second)
	stop = p.answering(silent(), 4*time.Second, func() time.Time { return <-late }, ticks)
	ticks <- clock
	stop()
	if drawn := terminal.String(); !strings.Contains(drawn, "for longer than expected") || strings.Contains(drawn, "100%") {
		t.Errorf("drew %q, want that it takes longer", drawn)
	}
}

func TestProgressIsSilentWithoutATerminal(t *testing.T) {
	a := &app{stderr: io.Discard}
	p := a.newProgress()
	p.publishing(client.Progress{Stage: client.StageReading, Rows: 1})
	if p.out != nil || p.bar != nil {
		t.Error("there is a bar where there is no terminal")
	}
	p.finish()
}

// Where the files' sizes are known, the bar of reading has an end.
func TestBarOfReadingFilesCountsTheirBytes(t *testing.T) {
	var terminal bytes.Buffer
	p := &progress{out: &terminal, width: func() int { return 80 }, note: func(string, ...any) {}}
	p.publishing(client.Progress{Stage: client.StageReading, BytesTotal: 4_000_000})
	if terminal.Len() > 0 {
		t.Errorf("drew %q before there was anything to show", terminal.String())
	}
	p.publishing(client.Progress{Stage: client.StageReading, Rows: 4096, Bytes: 3_000_000, BytesTotal: 4_000_000})
	p.finish()
	if drawn := terminal.String(); !strings.Contains(drawn, "75%") || !strings.Contains(drawn, "(3.0/4.0 MB") {
		t.Errorf("drew %q, want three quarters of the bytes", drawn)
	}
}

// An upload that is taken up again is measured by what is done now.
func TestBarOfAnUploadThatGoesOnLeavesOutWhatWasThere(t *testing.T) {
	var terminal bytes.Buffer
	p := &progress{out: &terminal, width: func() int { return 80 }, note: func(string, ...any) {}}
	p.publishing(client.Progress{Stage: client.StageUploading, Tiles: 91, TilesTotal: 110})
	p.publishing(client.Progress{Stage: client.StageUploading, Tiles: 100, TilesTotal: 110})
	p.finish()
	if drawn := terminal.String(); !strings.Contains(drawn, "90 of 110 being there") || !strings.Contains(drawn, " 50% ") || !strings.Contains(drawn, "(10/20") {
		t.Errorf("drew %q, want half of what was left", drawn)
	}
}

// A bar without numbers moves while it waits, and stands still when it is gone.
func TestBarOfWaitingMovesUntilItEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	terminal := &lines{written: make(chan struct{}, 100)}
	p := &progress{out: terminal, note: func(string, ...any) {}}
	p.publishing(client.Progress{Stage: client.StageChecking})
	p.publishing(client.Progress{Stage: client.StageChecking}) // told twice, it turns once
	for range 3 {
		select {
		case <-terminal.written:
		case <-time.After(time.Minute):
			t.Fatal("the bar does not move")
		}
	}
	p.finish()
	if n := len(terminal.written); n > 90 {
		t.Errorf("drew %d times", n)
	}
}

// lines is a terminal that tells when something is written.
type lines struct{ written chan struct{} }

func (l *lines) Write(b []byte) (int, error) {
	select {
	case l.written <- struct{}{}:
	default:
	}
	return len(b), nil
}
