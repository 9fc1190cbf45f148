package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/publish"
)

// progressOn is the progress on a terminal of 80 columns whose clock goes on by a second
// whenever it is looked at.
func progressOn(terminal io.Writer) *Progress {
	clock := time.Unix(0, 0)
	return &Progress{
		Bar: term.NewBarOn(terminal, func() int { return 80 }, func() time.Time {
			clock = clock.Add(time.Second)
			return clock
		}),
		Note: func(string, ...any) {},
	}
}

// Bars draw what they are told, of every stage, and nothing draws when they are
// gone: no goroutine stays.
func TestBarsOfEveryStageEndWithThePublication(t *testing.T) {
	defer goleak.VerifyNone(t)
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	for _, now := range []publish.Progress{
		{Stage: publish.StageReading},
		{Stage: publish.StageReading, Rows: 4096},
		{Stage: publish.StageRegistry, Rows: 5, RowsTotal: 10},
		{Stage: publish.StageUploading, Tiles: 0, TilesTotal: 4},
		{Stage: publish.StageUploading, Tiles: 3, TilesTotal: 4},
		{Stage: publish.StageChecking, Tiles: 4, TilesTotal: 4},
	} {
		p.Publishing(now)
	}
	p.Finish()
	drawn := terminal.String()
	for _, want := range []string{"reading files", "rows/s", "sending the registry", "(5/10", "encrypting and uploading", "(3/4", "tiles/s", "nodes store and check"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("never drew %q in %q", want, drawn)
		}
	}
	if i := strings.LastIndex(drawn, "nodes store"); strings.Contains(drawn[i:], "0/") {
		t.Errorf("counts where there is nothing to count: %q", drawn[i:])
	}
	p.Finish() // twice is no matter
}

func TestProgressIsSilentWithoutATerminal(t *testing.T) {
	a := &App{Stderr: io.Discard}
	p := a.NewProgress()
	p.Publishing(publish.Progress{Stage: publish.StageReading, Rows: 1})
	if p.Bar.Visible() {
		t.Error("there is a bar where there is no terminal")
	}
	p.Finish()
}

// Where the files' sizes are known, the bar of reading has an end.
func TestBarOfReadingFilesCountsTheirBytes(t *testing.T) {
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	p.Publishing(publish.Progress{Stage: publish.StageReading, BytesTotal: 4_000_000})
	if terminal.Len() > 0 {
		t.Errorf("drew %q before there was anything to show", terminal.String())
	}
	p.Publishing(publish.Progress{Stage: publish.StageReading, Rows: 4096, Bytes: 3_000_000, BytesTotal: 4_000_000})
	p.Finish()
	if drawn := terminal.String(); !strings.Contains(drawn, "75%") || !strings.Contains(drawn, "(3.0/4.0 MB") {
		t.Errorf("drew %q, want three quarters of the bytes", drawn)
	}
}

// An upload that is taken up again is measured by what is done now.
func TestBarOfAnUploadThatGoesOnLeavesOutWhatWasThere(t *testing.T) {
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	p.Publishing(publish.Progress{Stage: publish.StageUploading, Tiles: 91, TilesTotal: 110})
	p.Publishing(publish.Progress{Stage: publish.StageUploading, Tiles: 100, TilesTotal: 110})
	p.Finish()
	if drawn := terminal.String(); !strings.Contains(drawn, "90 of 110 being there") || !strings.Contains(drawn, " 50%") || !strings.Contains(drawn, "(10/20") {
		t.Errorf("drew %q, want half of what was left", drawn)
	}
}

// A bar without numbers moves while it waits, and stands still when it is gone.
func TestBarOfWaitingMovesUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails where a goroutine stays
		terminal := &lines{written: make(chan struct{}, 100)}
		p := progressOn(terminal)
		p.Publishing(publish.Progress{Stage: publish.StageChecking})
		p.Publishing(publish.Progress{Stage: publish.StageChecking}) // told twice, it turns once
		for range 3 {
			select {
			case <-terminal.written:
			case <-time.After(time.Minute):
				t.Fatal("the bar does not move")
			}
		}
		p.Finish()
		if n := len(terminal.written); n > 1 { // it erases what stood there
			t.Errorf("drew %d times more", n)
		}
		time.Sleep(time.Minute)
		if n := len(terminal.written); n > 1 {
			t.Errorf("drew %d times more after its end", n)
		}
	})
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
