package seeds

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// missing is the value of a cell that has none. Real values are not negative.
const missing = -1

// rows writes CSV whose fields need no quoting: the generator has no commas,
// quotes or line breaks in any of them. Errors of the writer underneath stick
// and come out of close.
type rows struct {
	out   *bufio.Writer
	line  []byte
	begun bool
}

func newRows(w io.Writer, header ...string) *rows {
	r := &rows{out: bufio.NewWriterSize(w, 1<<16)}
	r.text(header...)
	r.end()
	return r
}

func (r *rows) field() {
	if r.begun {
		r.line = append(r.line, ',')
	}
	r.begun = true
}

func (r *rows) text(fields ...string) {
	for _, s := range fields {
		r.field()
		r.line = append(r.line, s...)
	}
}

// fixed appends value·10^-decimals, value ≥ 0, or an empty cell for missing.
func (r *rows) fixed(value int64, decimals int) {
	r.field()
	if value == missing {
		return
	}
	scale := int64(1)
	for range decimals {
		scale *= 10
	}
	r.line = strconv.AppendInt(r.line, value/scale, 10)
	if decimals == 0 {
		return
	}
	r.line = append(r.line, '.')
	for scale /= 10; scale > 0; scale /= 10 {
		r.line = append(r.line, byte('0'+value/scale%10))
	}
}

func (r *rows) end() {
	r.line = append(r.line, '\n')
	_, _ = r.out.Write(r.line) // a bufio.Writer's error sticks; close returns it
	r.line, r.begun = r.line[:0], false
}

func (r *rows) close(what string) error {
	if err := r.out.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	return nil
}
