package term

import (
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/weirdata/weir/catalog/shown"
)

// blanks replaces the line breaks and tabs of a text before it is wrapped.
var blanks = strings.NewReplacer("\t", " ", "\n", " ")

// Wrap breaks text into lines of at most so many columns. A word that is wider than a
// line is broken anywhere.
func Wrap(text string, columns int) []string {
	var lines []string
	line, width := "", 0
	for _, piece := range pieces(shown.Text(blanks.Replace(text))) {
		if width > 0 && width+Width(strings.TrimRight(piece, " ")) > columns {
			lines = append(lines, strings.TrimRight(line, " "))
			line, width = "", 0
		}
		for Width(strings.TrimRight(piece, " ")) > columns {
			head := beginning(piece, columns)
			if head == "" { // not even one character fits
				head, _, _, _ = uniseg.FirstGraphemeClusterInString(piece, -1)
			}
			lines, piece = append(lines, head), piece[len(head):]
		}
		line += piece
		width += Width(piece)
	}
	if strings.TrimSpace(line) != "" || len(lines) == 0 {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// pieces cuts text where a line may end; each piece has its blanks at its end. A line may
// end within a list of names, after a comma, but not after a hyphen or slash: flags, ids,
// units and paths have them.
func pieces(text string) []string {
	var all []string
	begun := ""
	for rest, state := text, -1; rest != ""; {
		var piece string
		piece, rest, _, state = uniseg.FirstLineSegmentInString(rest, state)
		begun += piece
		if rest == "" || !strings.HasSuffix(begun, "-") && !strings.HasSuffix(begun, "/") {
			all = append(all, strings.Split(extraBreaks.ReplaceAllString(begun, "$1$3\n$2$4"), "\n")...)
			begun = ""
		}
	}
	return all
}

// extraBreaks matches where a line may end although Annex 14 does not say so: after a comma
// without a blank, and before a path.
var extraBreaks = regexp.MustCompile(`(,)(\pL)|( )(/)`)

// Paragraph returns text in lines of at most so many columns, each after the indent and
// with a line break at its end. With 0 columns it is one line.
func Paragraph(text, indent string, columns int) string {
	lines := []string{shown.Text(text)}
	if columns > 0 {
		lines = Wrap(text, columns-len(indent))
	}
	return indent + strings.Join(lines, "\n"+indent) + "\n"
}

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
