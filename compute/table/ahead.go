package table

import (
	"encoding/csv"
	"errors"
	"io"
	"math"
	"sync"
)

const (
	// aheadAfter is how many rows are read one by one, before more are read ahead: for a small
	// file the batches' memory costs more than the goroutine saves (of 3,000 rows two thirds of
	// the time again), and of some the sink takes only the first rows.
	aheadAfter = 1 << 14
	// aheadBatches is how many batches of rows there are: one that the sink takes, one that is
	// read, and one between them.
	aheadBatches = 3
	// mostOfBatch and bytesOfBatch end a batch: so many rows, or so many bytes, of which a field has
	// those of its text and fieldBytes.
	mostOfBatch  = 1024
	bytesOfBatch = 128 << 10
	fieldBytes   = 16
)

var (
	// errManyRows is a row on a line that has no number.
	errManyRows = errors.New("the file has too many rows")
	// errNoEnd is a goroutine that ended before its rows did (runtime.Goexit).
	errNoEnd = errors.New("the reading of rows was ended from within")
)

// textRows are the rows of a text, after its header.
type textRows struct {
	csv     *csv.Reader
	text    *textReader
	skipped int // lines before those that csv counts
	last    int // line on which the row before ends
}

// next reads a row, whose fields are valid until the next one is read (their texts stay), and
// the line it begins on. With an error it is the line the error belongs to.
func (t *textRows) next() (fields []string, line int, err error) {
	fields, err = t.csv.Read()
	if err != nil {
		return nil, rowAt(err, t.text.line, t.last+1), err
	}
	t.text.row()
	line, _ = t.csv.FieldPos(0)
	last, _ := t.csv.FieldPos(len(fields) - 1)
	line, t.last = line+t.skipped, last+t.skipped
	if line > math.MaxInt32 {
		return nil, line, errManyRows
	}
	return fields, line, nil
}

// rowBatch is rows that were read ahead, and what ended the reading after them.
type rowBatch struct {
	fields   []string // of all rows
	rows     []batchRow
	err      error // after the rows; nil: more may come
	line     int   // to which err belongs
	panicked any   // after the rows
}

// batchRow is a row of a batch.
type batchRow struct {
	end  int // of its fields
	line int // on which it begins
}

// fill reads rows into the batch until it is full, the rows end or stop is closed. Whoever
// takes the batch goes on with a panic.
func (b *rowBatch) fill(t *textRows, stop <-chan struct{}) {
	defer func() { b.panicked = recover() }()
	clear(b.fields) // texts that nobody needs any more
	b.fields, b.rows = b.fields[:0], b.rows[:0]
	for size := 0; len(b.rows) < mostOfBatch && size < bytesOfBatch; {
		select {
		case <-stop:
			return
		default:
		}
		fields, line, err := t.next()
		if err != nil {
			b.err, b.line = err, line
			return
		}
		for _, f := range fields {
			size += len(f) + fieldBytes
		}
		b.fields = append(b.fields, fields...)
		b.rows = append(b.rows, batchRow{end: len(b.fields), line: line})
	}
}

// eachRow hands all rows to the sink, and then what is wrong with the text after them.
func (r *reader) eachRow(t *textRows) error {
	for range aheadAfter {
		fields, line, err := t.next()
		if err != nil {
			return r.endOfRows(err, line)
		}
		if err := r.row(fields, line); err != nil {
			return err
		}
	}
	return r.eachRowAhead(t)
}

// eachRowAhead hands on rows that a goroutine reads while the sink takes those before them. The
// goroutine alone uses t, and has ended when eachRowAhead returns or panics; it waits for
// nothing but a batch and the file, whose Read it may have to wait for as any reader has.
func (r *reader) eachRowAhead(t *textRows) error {
	// Each has room for all batches, so that sending never waits.
	empty, full := make(chan *rowBatch, aheadBatches), make(chan *rowBatch, aheadBatches)
	for range aheadBatches {
		empty <- &rowBatch{}
	}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(full)
		for {
			select {
			case <-stop:
				return
			case b := <-empty:
				b.fill(t, stop)
				full <- b
				if b.err != nil || b.panicked != nil {
					return
				}
			}
		}
	})
	defer reading.Wait()
	defer close(stop)
	for b := range full {
		begin := 0
		for _, row := range b.rows {
			if err := r.row(b.fields[begin:row.end:row.end], row.line); err != nil {
				return err
			}
			begin = row.end
		}
		if b.panicked != nil {
			panic(b.panicked)
		}
		if b.err != nil {
			// The goroutine sent its last batch: t is ours.
			return r.endOfRows(b.err, b.line)
		}
		empty <- b
	}
	return errNoEnd
}

// endOfRows hands on what ended the rows, if it is not the text's end.
func (r *reader) endOfRows(err error, line int) error {
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, errManyRows):
		r.sink.Fault(line, err.Error(), "publish parts")
		return nil
	}
	return r.fault(err, line)
}
