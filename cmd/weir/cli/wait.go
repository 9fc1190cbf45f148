package cli

import (
	"time"

	"github.com/weirdata/weir/cmd/weir/term"
)

// noticeAfter is how long a command that waits may be silent: then it says for what. The
// client, which often knows it better, is given five seconds.
const noticeAfter = 7 * time.Second

// WithStopHint adds to what a command waits for how to stop waiting, and what that would
// leave behind.
func (a *App) WithStopHint(waiting string) string {
	return a.interrupted(waiting + "; Ctrl-C stops waiting")
}

// NoteWait says what a command waits for when it has said nothing for a while, until stop
// is called. On a terminal there is a bar instead, and perhaps a question.
func (a *App) NoteWait(waiting string) (stop func()) {
	if term.Columns(a.Stderr) > 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	said := a.notes.Load()
	t := time.NewTimer(noticeAfter)
	go func() {
		defer close(ended)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
			}
			if now := a.notes.Load(); now != said {
				said = now
				t.Reset(noticeAfter)
				continue
			}
			a.Note("%s", a.WithStopHint(waiting))
			return
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
