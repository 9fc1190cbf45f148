package panel

import (
	"bufio"
	"encoding/csv"
	"io"
)

// sniffed is how much of a file's first line is looked at.
const sniffed = 4 << 10

// NewCSV reads rows as the first line separates its columns: by commas or, where it
// has none outside of quotes, by the tabs of a spreadsheet's "Unicode text" or by
// the semicolons of one that keeps the comma for decimals.
func NewCSV(text io.Reader) *csv.Reader {
	r := bufio.NewReaderSize(text, sniffed)
	head, _ := r.Peek(sniffed) // an error comes again when it is read
	in := csv.NewReader(r)
	in.Comma = separator(head)
	return in
}

// separator is the first of comma, tab and semicolon that a text's first line has
// outside of quotes, in this order; the comma where there is none.
func separator(head []byte) rune {
	quoted := false
	var tab, semicolon bool
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			return ','
		case c == '\t':
			tab = true
		case c == ';':
			semicolon = true
		case c == '\n', c == '\r':
			return chosen(tab, semicolon)
		}
	}
	return chosen(tab, semicolon)
}

func chosen(tab, semicolon bool) rune {
	switch {
	case tab:
		return '\t'
	case semicolon:
		return ';'
	default:
		return ','
	}
}
