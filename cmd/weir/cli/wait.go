package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
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
	said := int64(-1)
	told := false
	return client.Poll(context.Background(), noticeAfter, func(context.Context) {
		if now := a.notes.Load(); told || now != said {
			said = now
			return
		}
		a.Note("%s", a.WithStopHint(waiting))
		told = true
	})
}

// IfInterrupted says what a command would leave behind if it were interrupted from
// now on, and what to do then. It may be called from several goroutines.
func (a *App) IfInterrupted(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.state.Store(&text)
}

// incomplete are kinds of errors after which a command may have left something behind.
var incomplete = map[string]bool{"unreachable": true, wire.KindNoQuorum: true, wire.KindUnavailable: true, wire.KindTimeout: true}

// interrupted is what an interruption, or the end of a command's time, left behind.
func (a *App) interrupted(what string) string {
	if text := a.state.Load(); text != nil {
		return what + ": " + *text
	}
	return what
}
