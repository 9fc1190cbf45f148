package cli

import (
	"fmt"

	"github.com/weirdata/weir/node/api/wire"
)

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
