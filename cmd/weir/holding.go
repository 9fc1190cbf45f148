package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// holding says which nodes hold a version, while they store and check it.
type holding struct{ pace pace }

// line is what there is to say when the nodes hold so much, in a terminal of so many
// columns.
func (w *holding) line(h client.Holding, now time.Time, columns int) string {
	var have, rest []string
	counts := make([]int, 0, len(h.Nodes))
	for _, n := range h.Nodes {
		counts = append(counts, max(n.Tiles, 0))
		switch {
		case n.Holds:
			have = append(have, n.ID)
		case n.Tiles < 0:
			rest = append(rest, n.ID+" does not answer")
		default:
			rest = append(rest, fmt.Sprintf("%s has %d", n.ID, n.Tiles))
		}
	}
	if h.Version.State == catalog.VersionStored {
		return cut("stored by "+strings.Join(have, ", ")+"; nodes open its parity", columns)
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
	w.pace.step(now, done, int64(slowest))
	text := "nodes store it: "
	if len(have) > 0 {
		text += strings.Join(have, ", ") + " done; "
	}
	text += fmt.Sprintf("%s of %d tiles", strings.Join(rest, ", "), h.Tiles)
	return w.pace.line(text+w.pace.rate(h.TileBytes), now, columns)
}

// holding is what shows which nodes hold a version; nil where there is no terminal, and
// nobody need ask.
func (p *progress) holding() func(client.Holding) {
	if p.out == nil {
		return nil
	}
	w := &holding{}
	return func(h client.Holding) {
		if h.Version.State != catalog.VersionLive && h.Version.State != catalog.VersionRejected {
			p.draw(w.line(h, time.Now(), p.width()))
		}
	}
}
