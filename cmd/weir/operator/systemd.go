package operator

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/weirdata/weir/catalog/shown"
)

// health is what a supervisor is told of a node.
type health interface {
	Live() error
	Ready() (bool, []string)
}

// tellSystemd tells systemd, where it has started this process, that the node is there, how
// it fares, and at intervals that it still answers (sd_notify(3), Type=notify and WatchdogSec
// of systemd.service(5)). It begins with the first of states, goes over to each that comes,
// as when a node is unsealed or opened again, and returns when ctx ends.
//
// A node whose ledger has stopped answers, with the reason: it is not restarted for that,
// since it waits for room on its disk, or for a person. Nor is one that is sealed. One that no
// longer answers is.
func tellSystemd(ctx context.Context, log *slog.Logger, states <-chan health) {
	tell := func(lines ...string) {
		if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil {
			log.Warn("tell systemd", "error", err)
		}
	}
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("read how often systemd wants to hear", "error", err)
	}
	var ticks <-chan time.Time // none before the first state, and where systemd wants to hear nothing
	var n health
	for {
		select {
		case <-ctx.Done():
			tell(daemon.SdNotifyStopping)
			return
		case n = <-states:
			tell(daemon.SdNotifyReady, standing(n))
			if every > 0 && ticks == nil {
				tick := time.NewTicker(every / 3)
				defer tick.Stop()
				ticks = tick.C
			}
		case <-ticks:
			tell(daemon.SdNotifyWatchdog, standing(n))
		}
	}
}

// standing is the line that systemctl status shows.
func standing(n health) string {
	if err := n.Live(); err != nil {
		return "STATUS=" + shown.Text(err.Error())
	}
	if ready, reasons := n.Ready(); !ready {
		return "STATUS=not ready: " + shown.Text(strings.Join(reasons, "; "))
	}
	return "STATUS=ready"
}
