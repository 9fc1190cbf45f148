package table

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
	var has [1 << 8]bool
	for _, c := range head {
		if c == '"' {
			quoted = !quoted
		}
		has[c] = has[c] || !quoted
		if has['\n'] || has['\r'] {
			break
		}
	}
	for _, c := range ",\t;" {
		if has[c] {
			return c
		}
	}
	return ','
}
