package publisher

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/publish"
)

// storeProgress says which nodes hold a version, while they store and check it.
type storeProgress struct{ estimate term.Estimator }

// line is what there is to say when the nodes hold so much, in a terminal of so many
// columns.
func (w *storeProgress) line(h publish.Holding, now time.Time, columns int) string {
	var have, rest []string // nodes that hold all, and what is to be said of the others
	counts := make([]int, 0, len(h.Nodes))
	for _, n := range h.Nodes {
		counts = append(counts, max(n.Tiles, 0))
		switch {
		case n.Holds:
			have = append(have, n.ID)
		case n.Tiles < 0:
			rest = append(rest, n.ID+" does not answer")
		default:
			rest = append(rest, fmt.Sprintf("%s %d", n.ID, n.Tiles))
		}
	}
	if h.Version.State == catalog.VersionStored {
		return term.Cut("stored by "+strings.Join(have, ", ")+"; nodes open its parity", columns)
	}
	// It can be checked when as many as are needed have it: the slowest of these counts.
	slices.Sort(counts)
	slices.Reverse(counts)
	slowest := 0
	if h.Needed > 0 && h.Needed <= len(counts) {
		slowest = counts[h.Needed-1]
	}
	done := 1.0
	if h.Tiles > 0 {
		done = float64(slowest) / float64(h.Tiles)
	}
	w.estimate.Add(now, done, int64(slowest))
	if len(have) > 0 {
		rest = append([]string{strings.Join(have, ", ") + " all"}, rest...)
	}
	text := fmt.Sprintf("nodes store %d tiles%s: %s", h.Tiles, w.estimate.FormatRate(h.TileBytes), strings.Join(rest, ", "))
	return w.estimate.Line(text, now, columns)
}

// showStoring returns what shows which nodes hold a version; nil where there is no terminal,
// so that nodes are not asked.
func showStoring(p *cli.Progress) func(publish.Holding) {
	if !p.Bar.Visible() {
		return nil
	}
	w := &storeProgress{}
	return func(h publish.Holding) {
		if h.Version.State != catalog.VersionLive && h.Version.State != catalog.VersionRejected {
			p.Bar.Draw(w.line(h, time.Now(), p.Bar.Columns()))
		}
	}
}
