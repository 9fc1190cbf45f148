package sql

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/suggest"
)

// Error is what is wrong with the text of a query, and where. It is data for
// clients: the API sends its fields, the CLI prints Caret.
type Error struct {
	Line    int    `json:"line"`              // from 1
	Column  int    `json:"column"`            // in characters, from 1; one past the end when something is missing
	Near    string `json:"near,omitempty"`    // the text at fault, as written but for keywords, in capitals; empty at the end of the query
	Message string `json:"message"`           // what is wrong
	Want    string `json:"want,omitempty"`    // what would have been accepted there
	Nearest string `json:"nearest,omitempty"` // the valid name that a misspelt one most resembles
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d, column %d: %s", e.Line, e.Column, e.Message)
	b.WriteString(e.meant())
	if e.Want != "" {
		fmt.Fprintf(&b, " (accepted here: %s)", e.Want)
	}
	return b.String()
}

// meant says which name was meant, if one is like it.
func (e *Error) meant() string {
	if e.Nearest == "" {
		return ""
	}
	return "; did you mean " + e.Nearest + "?" + suggest.Unseen(e.Near, e.Nearest)
}

// caretWidth is how many characters Caret shows on either side of the fault, of a
// line longer than both sides.
const caretWidth = 60

// Caret renders the line of sql that is at fault, with carets under the fault
// and the message below:
//
//	SELECT AVG(pm52) FROM beijing_air
//	           ^^^^
//	there is no measure pm52; did you mean pm25?
//	accepted here: pm25, pm10, so2
func (e *Error) Caret(sql string) string {
	lines := strings.Split(strings.ToValidUTF8(sql, "�"), "\n")
	if e.Line < 1 || e.Line > len(lines) {
		return e.Error()
	}
	line := []rune(strings.TrimRight(lines[e.Line-1], "\r"))
	at := min(max(e.Column-1, 0), len(line))
	length := min(max(utf8.RuneCountInString(firstLine(e.Near)), 1), max(len(line)-at, 1))
	from, to := max(0, at-caretWidth), min(len(line), at+length+caretWidth)
	if len(line) <= 2*caretWidth {
		from, to = 0, len(line)
	}
	var text, marks strings.Builder
	if from > 0 {
		text.WriteString("…")
		marks.WriteString(" ")
	}
	for i, r := range line[from:to] {
		r = visible(r)
		mark := blank(r)
		if from+i >= at && from+i < at+length {
			mark = strings.Repeat("^", max(suggest.RuneWidth(r), 1))
		}
		text.WriteRune(r)
		marks.WriteString(mark)
	}
	if at == len(line) {
		marks.WriteString("^")
	}
	if to < len(line) {
		text.WriteString("…")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s", text.String(), strings.TrimRight(marks.String(), " \t"), e.Message)
	b.WriteString(e.meant())
	if e.Want != "" {
		fmt.Fprintf(&b, "\naccepted here: %s", e.Want)
	}
	return b.String()
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// blank is white space as wide as r, tabs kept so that they expand alike.
func blank(r rune) string {
	if r == '\t' {
		return "\t"
	}
	return strings.Repeat(" ", suggest.RuneWidth(r))
}

// faultAt makes an Error at a position.
func faultAt(pos lexer.Position, near, format string, args ...any) *Error {
	return &Error{Line: pos.Line, Column: pos.Column, Near: near, Message: fmt.Sprintf(format, args...)}
}

// want adds what would have been accepted.
func (e *Error) want(accepted ...string) *Error {
	const most = 24
	if len(accepted) > most {
		accepted = append(append([]string{}, accepted[:most]...), fmt.Sprintf("… %d more", len(accepted)-most))
	}
	e.Want = strings.Join(accepted, ", ")
	return e
}

// among adds the valid names, and the one that the wrong one most resembles.
func (e *Error) among(wrong string, valid ...string) *Error {
	e.Nearest = suggest.Nearest(wrong, valid)
	return e.want(valid...)
}

// visible is r as a terminal shows it in one place: what has no shape, or would
// turn the direction of the line, becomes a dot.
func visible(r rune) rune {
	switch {
	case r == '\t':
		return r
	case unicode.IsControl(r):
		return ' '
	case shown.Hidden(r):
		return '·'
	}
	return r
}
