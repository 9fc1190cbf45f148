package table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// otherText reads a file of text once more, which is no UTF-8.
func (r *reader) otherText() error {
	found, err := r.look()
	if err != nil {
		return r.fault(err, 0)
	}
	if found.isLatin() {
		r.sink.Discard()
		advice := r.options.Advice
		if advice == "" {
			advice = "save the file as UTF-8"
		}
		r.sink.Fault(found.line, found.words(), advice)
		return nil
	}
	raw, err := r.open()
	if err != nil {
		return r.fault(err, 0)
	}
	return errors.Join(r.text(raw, gb18030), raw.Close())
}

// text reads a file of text in an encoding; empty: UTF-8, or UTF-16 where it shows. A
// compressed file with faults may be damaged, which then is all that is wrong with it.
func (r *reader) text(in io.Reader, encoding string) error {
	text, err := textOf(in, encoding)
	if err != nil {
		return r.fault(err, 0)
	}
	if err := r.table(text); err != nil || !r.sink.Faulty() {
		return err
	}
	if err := text.damage(r.ctx); err != nil {
		r.sink.Discard()
		return r.fault(err, 0)
	}
	return nil
}

// table reads the header and the rows of a text.
func (r *reader) table(text *textReader) error {
	if text.objects {
		return r.json(text)
	}
	in := bufio.NewReaderSize(text, sniffed)
	skipped, err := skipLines(in, r.options.HeaderRow-1)
	if err != nil {
		return r.fault(err, text.line)
	}
	text.row()
	rows := NewCSV(in)
	rows.ReuseRecord, rows.FieldsPerRecord = true, -1
	names, err := rows.Read()
	if errors.Is(err, io.EOF) {
		message := "the file is empty"
		if skipped > 0 {
			message = fmt.Sprintf("the file ends before row %d, where the header is said to be", r.options.HeaderRow)
		}
		r.sink.Fault(0, message, "want a header and rows")
		return nil
	}
	if err != nil {
		return r.fault(err, rowAt(err, text.line, skipped+1))
	}
	text.row()
	if slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "\r") }) {
		return r.fault(errReturns, 0)
	}
	line, _ := rows.FieldPos(0)
	if !r.sink.Begin(Head{Kind: "csv", Encoding: text.encoding, Separator: string(rows.Comma), Names: slices.Clone(names), Row: skipped + line}) {
		return nil
	}
	return r.eachRow(&textRows{csv: rows, text: text, skipped: skipped, last: skipped + line})
}

// skipLines passes over so many lines, and says how many there were.
func skipLines(in *bufio.Reader, n int) (int, error) {
	for i := range max(n, 0) {
		for {
			_, err := in.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if errors.Is(err, io.EOF) {
				return i, nil
			}
			if err != nil {
				return i, err
			}
			break
		}
	}
	return max(n, 0), nil
}
