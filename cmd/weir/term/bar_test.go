package term

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// barAt returns a bar on a terminal of 80 columns, and what sets its clock.
func barAt(terminal *bytes.Buffer) (b *Bar, at func(time.Duration)) {
	start := time.Unix(1_000_000, 0)
	now := start
	return NewBarOn(terminal, func() int { return 80 }, func() time.Time { return now }), func(d time.Duration) { now = start.Add(d) }
}

func TestBarIsNotDrawnMoreOftenThanAPersonSees(t *testing.T) {
	var terminal bytes.Buffer
	b, at := barAt(&terminal)
	task := Task{Title: "uploading", Unit: "tiles"}
	for i := range int64(100) {
		at(time.Duration(i) * time.Millisecond)
		b.Set(task, i, 1000)
	}
	if n := strings.Count(terminal.String(), "\r"); n != 1 {
		t.Errorf("drew %d times in a tenth of a second", n)
	}
	at(2 * time.Second)
	b.Set(task, 500, 1000)
	if got := terminal.String(); !strings.Contains(got, "uploading (500/1000, 250 tiles/s) |██████████████               |  50%, 2s left") {
		t.Errorf("drew %q", got)
	}
	b.Set(task, 1000, 1000) // the end is always drawn
	if got := terminal.String(); !strings.Contains(got, "100%") {
		t.Errorf("drew %q", got)
	}
}

// A message takes the place of the line, and the next count draws it anew.
func TestBarMakesRoomForAMessage(t *testing.T) {
	var terminal bytes.Buffer
	b, at := barAt(&terminal)
	task := Task{Title: "uploading", Unit: "tiles"}
	b.Set(task, 1, 4)
	b.Hide()
	if !strings.HasSuffix(terminal.String(), "\r\x1b[K") {
		t.Errorf("left %q", terminal.String())
	}
	terminal.Reset()
	b.Hide() // nothing is there
	if terminal.Len() > 0 {
		t.Errorf("erased nothing with %q", terminal.String())
	}
	at(time.Millisecond)
	b.Set(task, 2, 4)
	if !strings.Contains(terminal.String(), "(2/4)") {
		t.Errorf("drew %q", terminal.String())
	}
}

// What spins stands still when something else is shown, and no goroutine stays.
func TestBarSpinsUntilSomethingElseIsShown(t *testing.T) {
	defer goleak.VerifyNone(t)
	var terminal bytes.Buffer
	b, _ := barAt(&terminal)
	b.Spin(Task{Title: "waiting"})
	b.Spin(Task{Title: "waiting"}) // is under way
	b.Draw("a line\x1b[2J of others")
	b.Erase()
	if got := terminal.String(); !strings.HasSuffix(got, "\r"+`a line\x1b[2J of others`+"\x1b[K\r\x1b[K") {
		t.Errorf("drew %q", got)
	}
}

func TestBarIsSilentWithoutATerminal(t *testing.T) {
	b := NewBar(&bytes.Buffer{})
	b.Set(Task{Title: "x"}, 1, 2)
	b.Spin(Task{Title: "x"})
	b.Draw("x")
	b.Erase()
	if b.Visible() {
		t.Error("a buffer is taken for a terminal")
	}
}
