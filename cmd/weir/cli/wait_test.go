package cli

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// A command that waits says for what after a while, once, and how to stop.
func TestWhatWaitsForLongSaysForWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		a := &App{Stderr: &said}
		a.IfInterrupted("nothing was asked")
		stop := a.NoteWait("waiting for the nodes")
		time.Sleep(noticeAfter - time.Millisecond)
		synctest.Wait()
		if said.Len() > 0 {
			t.Errorf("said too early: %s", &said)
		}
		time.Sleep(10 * noticeAfter)
		stop()
		if want := "weir: waiting for the nodes; Ctrl-C stops waiting: nothing was asked\n"; said.String() != want {
			t.Errorf("said %q, want %q", &said, want)
		}
	})
}

func TestWhatIsSaidMeanwhileIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		a := &App{Stderr: &said}
		stop := a.NoteWait("waiting for the nodes")
		time.Sleep(noticeAfter / 2)
		a.Note("waiting for n3")
		time.Sleep(noticeAfter)
		synctest.Wait()
		if got := said.String(); got != "weir: waiting for n3\n" {
			t.Errorf("said %q", got)
		}
		stop()
	})
}

func TestWhatIsOverSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		stop := (&App{Stderr: &said}).NoteWait("waiting for the nodes")
		stop()
		time.Sleep(2 * noticeAfter)
		if said.Len() > 0 {
			t.Errorf("said %s", &said)
		}
	})
}
