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
	if len(have) > 0 {
		rest = append([]string{strings.Join(have, ", ") + " all"}, rest...)
	}
	text := fmt.Sprintf("nodes store %d tiles%s: %s", h.Tiles, w.pace.rate(h.TileBytes), strings.Join(rest, ", "))
	return w.pace.line(text, now, columns)
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

// checksLine says how far the checks of a private vector are: how many of its nodes, or
// of the members of the last check, have done their part.
func checksLine(v catalog.Vector) string {
	switch v.State {
	case catalog.VectorStoring:
		return fmt.Sprintf("nodes store their shares, %d of %d", present(v.Nonces), len(v.Nodes))
	case catalog.VectorLining:
		return fmt.Sprintf("nodes check that their shares are of one vector, %d of %d", present(v.Lines), len(v.Nodes))
	case catalog.VectorProving:
		text := fmt.Sprintf("nodes check that every entry is 0 or 1, %d of %d", present(v.Checks), v.Threshold)
		if n := len(v.Attempts); n > 1 {
			text = fmt.Sprintf("attempt %d: %s", n, text)
		}
		return text
	}
	return ""
}

// present counts what has come of a list in which null stands for what has not.
func present[T any](list [][]T) (n int) {
	for _, x := range list {
		if x != nil {
			n++
		}
	}
	return n
}

// checks is what shows how far the checks of a private vector are; nil where there is no
// terminal, and nobody need ask.
func (p *progress) checks() func(catalog.Vector) {
	if p.out == nil {
		return nil
	}
	return func(v catalog.Vector) {
		if line := checksLine(v); line != "" {
			p.draw(cut(line, p.width()))
		}
	}
}
