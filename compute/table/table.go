package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// File is one of a user's files. Open is called once, or up to three times when the file
// turns out not to be UTF-8. A file whose Open returns a RandomAccess is not copied where a
// kind needs to be read from its end.
type File struct {
	Name string
	Size int64 // in bytes, as Open will give them; 0: not known
	Open func() (io.ReadCloser, error)
	// Rows, if not nil, are read instead of Open: the rows of a database's answer.
	Rows func(ctx context.Context, into Sink) error
}

// RandomAccess is what can be read from its end; the seeker tells how long it is.
type RandomAccess interface {
	io.ReaderAt
	io.Seeker
}

// Options say how files are read. The zero value finds out all that can be found out.
type Options struct {
	Encoding  string // of text, as EncodingName has it; empty: found out
	Sheet     string // of a workbook; empty: the only one, or the one with the wanted columns
	HeaderRow int    // line or row with the header; 0: the first, or of a workbook the one with the wanted columns
	// Wanted are columns by which a sheet and its header are found.
	Wanted []string
	// Uses reports whether a column is read at all: a cell without a value is a fault where
	// it is. nil, or none of a header's columns: all are.
	Uses func(name string) bool
	// Fill reports whether a cell of a column that has no value of its own, since it is merged with
	// those above it in a workbook, has theirs; a header that is merged with rows above it has, too,
	// as soon as there is a Fill. nil: such cells are faults. Filled is told of each that is filled.
	Fill   func(name string) bool
	Filled func()
	// Advice says what to do where the encoding cannot be told, after both readings.
	Advice string
}

// Head says what a file is.
type Head struct {
	Kind      string   // csv, xlsx, parquet, json or query
	Encoding  string   // of text, as EncodingName has it; empty: of other kinds
	Separator string   // of text
	Sheet     string   // of a workbook
	Names     []string // of the columns
	Row       int      // on which they stand
	Days      Days     // how numbers in a column of dates are meant
}

// Days is how a workbook counts days; empty: numbers are no days.
type Days string

// Day counts of workbooks.
const (
	DaysFrom1900 Days = "1900"
	DaysFrom1904 Days = "1904"
)

// Sink takes a table.
type Sink interface {
	// Begin takes what the file is and its columns, and forgets all that came before: it
	// is called anew where the file turns out to be of another encoding. False ends the
	// reading.
	Begin(h Head) bool
	// Row takes a row, which begins on a line of the file; the fields are valid until it
	// returns.
	Row(fields []string, line int) error
	// Fault takes what is wrong with the file; line 0 is the file as a whole.
	Fault(line int, message, want string)
	// Faulty reports whether there are faults so far.
	Faulty() bool
	// Discard forgets all that came before, faults included.
	Discard()
}

// ErrEnough may be returned by Sink.Row to end the reading without an error.
var ErrEnough = errors.New("enough rows")

// reportEvery is how many rows are read between two looks at the context.
const reportEvery = 4096

// Read reads a file's table into a sink.
func Read(ctx context.Context, f File, o Options, into Sink) error {
	r := &reader{ctx: ctx, file: f, options: o, sink: into}
	if f.Rows != nil {
		return r.ended(f.Rows(ctx, into))
	}
	return r.ended(r.read())
}

// reader reads one file.
type reader struct {
	ctx     context.Context //nolint:containedctx // of one call of Read
	file    File
	options Options
	sink    Sink
	rows    int
	taking  bool // the sink has a row
}

// ended is the error of a reading, less what is none.
func (r *reader) ended(err error) error {
	if err == nil || errors.Is(err, ErrEnough) {
		return nil
	}
	return err
}

// read finds out what the file is.
func (r *reader) read() error {
	raw, err := r.open()
	if err != nil {
		return r.fault(err, 0)
	}
	in := bufio.NewReaderSize(raw, readBuffer)
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(r.fault(err, 0), raw.Close())
	}
	inside, from := raw, io.Reader(in)
	if inner := compressedHead(in); isWhole(inner) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return errors.Join(r.fault(err, 0), raw.Close())
		}
		head, inside, from = inner, z, z // which cannot be read from its end, and so goes into memory
	}
	switch {
	case bytes.Equal(head, zipMagic):
		err = r.guarded("workbook", func() error { return r.zipped(inside, from) })
	case bytes.Equal(head, parquetMagic):
		err = r.guarded("Parquet file", func() error { return r.parquet(inside, from) })
	default:
		err = r.text(in, r.options.Encoding)
	}
	if err = errors.Join(err, raw.Close()); errors.Is(err, errNotUTF8) {
		return r.otherText()
	}
	return err
}

// parquetMagic begins a Parquet file.
var parquetMagic = []byte("PAR1")

// isWhole reports whether a file begins as one that is read as a whole.
func isWhole(head []byte) bool {
	return bytes.Equal(head, zipMagic) || bytes.Equal(head, parquetMagic)
}

// compressedHead is how what is compressed in a file begins; nil where nothing is, or it is
// damaged.
func compressedHead(in *bufio.Reader) []byte {
	if head, err := in.Peek(len(gzipMagic)); err != nil || !bytes.Equal(head, gzipMagic) {
		return nil
	}
	begin, _ := in.Peek(readBuffer) // an error comes again when it is read
	z, err := gzip.NewReader(bytes.NewReader(begin))
	if err != nil {
		return nil
	}
	head := make([]byte, len(zipMagic))
	if _, err := io.ReadFull(z, head); err != nil {
		return nil
	}
	return head
}

// open opens the file.
func (r *reader) open() (io.ReadCloser, error) {
	raw, err := r.file.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", r.file.Name, err)
	}
	return raw, nil
}

// row hands a row on.
func (r *reader) row(fields []string, line int) error {
	if r.rows++; r.rows%reportEvery == 0 {
		if err := r.ctx.Err(); err != nil {
			return err
		}
	}
	r.taking = true
	err := r.sink.Row(fields, line)
	r.taking = false
	return err
}

// guarded reads a file by a library's reader, which may panic where the file is damaged:
// then that is what is wrong with it. A panic of the sink is none of the file's.
func (r *reader) guarded(kind string, read func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if r.taking {
			panic(p)
		}
		r.sink.Discard()
		r.sink.Fault(0, fmt.Sprintf("is a damaged %s: %v", kind, p), "copy it again")
	}()
	return read()
}

// mostInMemory bounds the files that are read as a whole: workbooks, unfolded, and Parquet
// that cannot be read from its end.
const mostInMemory = 1 << 30

// whole is random access to a file: its own, or what is in memory of it.
func whole(raw io.ReadCloser, in io.Reader) (io.ReaderAt, int64, error) {
	if at, ok := raw.(RandomAccess); ok {
		if size, err := at.Seek(0, io.SeekEnd); err == nil {
			return at, size, nil
		}
	}
	b, err := io.ReadAll(io.LimitReader(in, mostInMemory+1))
	if err != nil {
		return nil, 0, err
	}
	if len(b) > mostInMemory {
		return nil, 0, fmt.Errorf("%w: it has more than %d bytes: unpack it, or save it as CSV", errForeign, mostInMemory)
	}
	return bytes.NewReader(b), int64(len(b)), nil
}

// used are the columns of a header that are read.
func (o Options) used(names []string) []bool {
	used := make([]bool, len(names))
	for i, n := range names {
		used[i] = o.Uses != nil && o.Uses(n)
	}
	if !slices.Contains(used, true) {
		for i := range used {
			used[i] = true
		}
	}
	return used
}

// missingOf counts which of the wanted columns are not among names.
func missingOf(wanted, names []string) int {
	n := 0
	for _, w := range wanted {
		if !slices.Contains(names, w) {
			n++
		}
	}
	return n
}
