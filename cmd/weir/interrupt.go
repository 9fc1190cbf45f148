package main

import (
	"fmt"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// ifInterrupted says what a command would leave behind if it were interrupted from
// now on, and what to do then. It may be called from several goroutines.
func (a *app) ifInterrupted(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.state.Store(&text)
}

// halfway are kinds of errors after which a command may have left something behind.
var halfway = map[string]bool{"unreachable": true, wire.KindNoQuorum: true, wire.KindUnavailable: true, wire.KindTimeout: true}

// interrupted is what an interruption, or the end of a command's time, left behind.
func (a *app) interrupted(what string) string {
	if text := a.state.Load(); text != nil {
		return what + ": " + *text
	}
	return what
}

// publishing tells of every step of a publication, and what an interruption in it
// would mean.
func (a *app) publishing(dataset string, bar *progress) func(client.Progress) {
	a.ifInterrupted("nothing was published")
	return func(now client.Progress) {
		switch now.Stage {
		case client.StageRegistry:
			a.ifInterrupted("nothing was published; %d of %d rows of the registry have arrived, and the same command goes on from there", now.Rows, now.RowsTotal)
		case client.StageUploading:
			a.ifInterrupted("nothing was published; %d of %d tiles are encrypted and sent, and the same command goes on from there", now.Tiles, now.TilesTotal)
		case client.StageProposing:
			a.ifInterrupted("all tiles are encrypted and sent; if `weir dataset show %s` does not have the version, the same command goes on from there", dataset)
		case client.StageChecking:
			a.ifInterrupted("the nodes have all of the version and go on checking it without you; see with `weir dataset show %s` whether it is live", dataset)
		default:
			a.ifInterrupted("nothing was published")
		}
		if now.Waiting != "" {
			now.Waiting = a.howToStop(now.Waiting)
		}
		bar.publishing(now)
	}
}
