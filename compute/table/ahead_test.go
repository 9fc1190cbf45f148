package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// told is a sink that keeps what it is told, in order. It keeps the texts themselves, as a
// sink may.
type told struct {
	fields [][]string
	lines  []int
	faults []string // after how many rows, and what
	from   int      // row from which take is asked
	take   func(row int) error
}

func (s *told) Begin(Head) bool { return true }
func (s *told) Row(fields []string, line int) error {
	if s.take != nil && len(s.lines) >= s.from {
		if err := s.take(len(s.lines)); err != nil {
			return err
		}
	}
	s.fields, s.lines = append(s.fields, slices.Clone(fields)), append(s.lines, line)
	for i := range fields {
		fields[i] = "written by the sink"
	}
	return nil
}
func (s *told) Fault(line int, message, want string) {
	s.faults = append(s.faults, fmt.Sprintf("after %d rows, line %d: %s; %s", len(s.lines), line, message, want))
}
func (s *told) Faulty() bool { return len(s.faults) > 0 }
func (s *told) Discard() {
	s.faults = append(s.faults, fmt.Sprintf("after %d rows: discard", len(s.lines)))
}

// manyRows is a header and n rows.
func manyRows(n int) string {
	var b strings.Builder
	b.WriteString("id,x\n")
	for i := range n {
		fmt.Fprintf(&b, "s%d,%d\n", i, i)
	}
	return b.String()
}

func fileOf(in io.Reader) File {
	return File{Name: "d.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(in), nil }}
}

// oneByOne hands on rows as they are read: what reading ahead must be the same as.
func oneByOne(r *reader, t *textRows) error {
	for {
		fields, line, err := t.next()
		if err != nil {
			return r.endOfRows(err, line)
		}
		if err := r.row(fields, line); err != nil {
			return err
		}
	}
}

// What the sink is told, in its order, and the error are the same whether rows are read one
// by one or ahead: with quotes, lines in fields, broken quotes, bytes that are no text, and a
// sink that ends early.
func TestRowsReadAheadAreThoseReadOneByOne(t *testing.T) {
	defer goleak.VerifyNone(t)
	errFull := errors.New("the disk is full")
	field := rapid.SampledFrom([]string{"", "a", "12.5", `"x,y"`, "\"two\nlines\"", `"a ""b"""`, "station", "\r\n", strings.Repeat("long", 9000)})
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(field, 1, 4), 1, 60).Draw(rt, "rows")
		times := rapid.SampledFrom([]int{1, 1, 3, 60}).Draw(rt, "times")
		var b bytes.Buffer
		b.WriteString("head,er\n")
		for range times {
			for _, row := range rows {
				b.WriteString(strings.Join(row, ",") + "\n")
			}
		}
		b.WriteString(rapid.SampledFrom([]string{"", "", "\"never closed\n", "a\"b\n", "\xff\xff\n", "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\xff\xff,\n", strings.Repeat("z", maxRow+5000)}).Draw(rt, "end"))
		b.WriteString("more,rows\n")
		last := rapid.IntRange(-1, 2*times*len(rows)).Draw(rt, "last")
		wrong := rapid.SampledFrom([]error{ErrEnough, errFull}).Draw(rt, "error of the sink")
		read := func(each func(*reader, *textRows) error) (*told, string) {
			sink := &told{}
			if last >= 0 {
				sink.from, sink.take = last, func(int) error { return wrong }
			}
			r := &reader{ctx: t.Context(), file: fileOf(nil), sink: sink}
			text, err := textOf(bytes.NewReader(b.Bytes()), "")
			if err != nil {
				rt.Fatal(err)
			}
			rows := NewCSV(text)
			rows.ReuseRecord, rows.FieldsPerRecord = true, -1
			if _, err := rows.Read(); err != nil {
				rt.Skip("no header")
			}
			text.row()
			return sink, fmt.Sprint(each(r, &textRows{csv: rows, text: text, skipped: 2, last: 3}))
		}
		want, wantErr := read(oneByOne)
		for name, each := range map[string]func(*reader, *textRows) error{"each row": (*reader).eachRow, "ahead": (*reader).eachRowAhead} {
			got, gotErr := read(each)
			if gotErr != wantErr || !slices.Equal(got.lines, want.lines) || !slices.Equal(got.faults, want.faults) ||
				!slices.EqualFunc(got.fields, want.fields, slices.Equal) {
				rt.Fatalf("%s: %d rows %q %s, one by one %d rows %q %s", name, len(got.lines), got.faults, gotErr, len(want.lines), want.faults, wantErr)
			}
		}
	})
}

// A sink that has enough or fails ends the goroutine, which is waited for: after Read
// nobody reads the file.
func TestASinkThatEndsEarlyEndsTheReadingAhead(t *testing.T) {
	defer goleak.VerifyNone(t)
	errFull := errors.New("the disk is full")
	for _, c := range []struct{ err, want error }{{ErrEnough, nil}, {errFull, errFull}} {
		content := strings.NewReader(manyRows(200_000))
		sink := &told{from: aheadAfter + 3000, take: func(int) error { return c.err }}
		if err := Read(t.Context(), fileOf(content), Options{}, sink); !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c.err, err)
		}
		if len(sink.lines) != aheadAfter+3000 {
			t.Errorf("%v: %d rows", c.err, len(sink.lines))
		}
		goleak.VerifyNone(t)
		// One batch in the sink and aheadBatches − 1 before it, and what the buffers before hold.
		if read := int(content.Size()) - content.Len(); read > 500_000 {
			t.Errorf("%v: %d bytes were read ahead", c.err, read)
		}
	}
}

// A panic while rows are read reaches the caller, after the rows before it; one of the sink
// ends the goroutine.
func TestAPanicWhileRowsAreReadAheadReachesTheCaller(t *testing.T) {
	panics := func(in io.Reader, sink *told) (p any) {
		defer goleak.VerifyNone(t)
		defer func() { p = recover() }()
		t.Errorf("no panic: %v", Read(t.Context(), fileOf(in), Options{}, sink))
		return nil
	}
	sink := &told{}
	in := io.MultiReader(strings.NewReader(manyRows(aheadAfter+5000)), readerFunc(func([]byte) (int, error) { panic("a bug of the file") }))
	if p := panics(in, sink); p != "a bug of the file" || len(sink.lines) != aheadAfter+5000 {
		t.Errorf("panic %v after %d rows", p, len(sink.lines))
	}
	sink = &told{from: aheadAfter + 4000, take: func(int) error { panic("a bug of the sink") }}
	if p := panics(strings.NewReader(manyRows(50_000)), sink); p != "a bug of the sink" {
		t.Errorf("panic %v", p)
	}
}

// A goroutine that is ended from within is no end of the rows.
func TestAnEndFromWithinIsNoEndOfRows(t *testing.T) {
	defer goleak.VerifyNone(t)
	in := io.MultiReader(strings.NewReader(manyRows(aheadAfter+5000)), readerFunc(func([]byte) (int, error) { runtime.Goexit(); return 0, nil }))
	if err := Read(t.Context(), fileOf(in), Options{}, &told{}); !errors.Is(err, errNoEnd) {
		t.Errorf("got %v", err)
	}
}

// An ended context ends the reading.
func TestAnEndedContextEndsTheReadingAhead(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	sink := &told{from: aheadAfter + 5000, take: func(int) error { cancel(); return nil }}
	if err := Read(ctx, fileOf(strings.NewReader(manyRows(100_000))), Options{}, sink); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(sink.lines) > aheadAfter+5000+reportEvery {
		t.Errorf("%d rows after the context's end", len(sink.lines)-aheadAfter-5000)
	}
}

// Rows are read while the sink takes one: it waits until the file has been read further.
func TestRowsAreReadWhileTheSinkTakesOne(t *testing.T) {
	defer goleak.VerifyNone(t)
	ended := make(chan struct{})
	in := io.MultiReader(strings.NewReader(manyRows(aheadAfter+mostOfBatch+10)), readerFunc(func([]byte) (int, error) {
		close(ended)
		return 0, io.EOF
	}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // nobody waits so long where rows are read ahead
	defer cancel()
	waits := func(int) error {
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := Read(t.Context(), fileOf(in), Options{}, &told{from: aheadAfter + 1, take: waits}); err != nil {
		t.Error(err)
	}
}

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// discard is a sink that works a little on each row, as one that parses numbers does.
type discard struct{ told }

func (s *discard) Row(fields []string, _ int) error {
	n := 0
	for range 4 {
		for _, f := range fields {
			for _, c := range []byte(f) {
				n = 31*n + int(c)
			}
		}
	}
	if n == 1 {
		return io.ErrShortWrite
	}
	return nil
}

func BenchmarkRows(b *testing.B) {
	for _, n := range []int{10, 1000, 20_000, 1_000_000} {
		content := manyRows(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Read(b.Context(), fileOf(strings.NewReader(content)), Options{}, &discard{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
