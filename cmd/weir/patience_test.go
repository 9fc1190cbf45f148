package main

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
		a := &app{stderr: &said}
		a.ifInterrupted("nothing was asked")
		stop := a.patiently("waiting for the nodes")
		time.Sleep(patience - time.Millisecond)
		synctest.Wait()
		if said.Len() > 0 {
			t.Errorf("said too early: %s", &said)
		}
		time.Sleep(10 * patience)
		stop()
		if want := "weir: waiting for the nodes; Ctrl-C stops waiting: nothing was asked\n"; said.String() != want {
			t.Errorf("said %q, want %q", &said, want)
		}
	})
}

func TestWhatIsSaidMeanwhileIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		a := &app{stderr: &said}
		stop := a.patiently("waiting for the nodes")
		time.Sleep(patience / 2)
		a.note("waiting for n3")
		time.Sleep(patience)
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
		stop := (&app{stderr: &said}).patiently("waiting for the nodes")
		stop()
		time.Sleep(2 * patience)
		if said.Len() > 0 {
			t.Errorf("said %s", &said)
		}
	})
}
