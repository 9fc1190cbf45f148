package term

import (
	"io"
	"os"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// DefaultColumns is the width of a terminal that does not tell it.
const DefaultColumns = 80

// Width returns how many columns of a terminal s takes.
func Width(s string) int { return uniseg.StringWidth(s) }

// IsTerminal reports whether a stream is a terminal, at which a person sits.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // descriptors are small
}

// Columns returns how wide the terminal is that w writes to, and 0 if w is no terminal.
func Columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !IsTerminal(f) {
		return 0
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 { //nolint:gosec // as above
		return columns
	}
	return DefaultColumns
}

// Cut shortens a line to less than the columns of a terminal: a line that wraps cannot
// be overwritten.
func Cut(s string, columns int) string {
	if columns <= 0 {
		return s
	}
	return s[:len(beginning(s, columns-1))]
}

// beginning returns the longest beginning of s, in whole characters, that fits into so
// many columns.
func beginning(s string, columns int) string {
	end, state := 0, -1
	for rest := s; rest != ""; {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if columns -= width; columns < 0 {
			break
		}
		end += len(cluster)
	}
	return s[:end]
}
