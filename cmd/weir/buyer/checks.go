package buyer

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
)

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

// showChecks returns what shows how far the checks of a private vector are; nil where there
// is no terminal, so that nodes are not asked.
func showChecks(p *cli.Progress) func(catalog.Vector) {
	if !p.Bar.Visible() {
		return nil
	}
	return func(v catalog.Vector) {
		if line := checksLine(v); line != "" {
			p.Bar.Draw(term.Cut(line, p.Bar.Columns()))
		}
	}
}
