package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

var (
	// errNotUTF8 sends the reader of a file back to its begin, to read it as
	// GB 18030.
	errNotUTF8 = errors.New("not UTF-8")
	// errBrokenText is a byte that the text's encoding does not explain.
	errBrokenText = errors.New("bytes that are")
	// errForeign is a file of another kind.
	errForeign = errors.New("is no table")
	// errLongRow is a row that no dataset has.
	errLongRow = fmt.Errorf("the row is longer than %d bytes", maxRow)
	// errReturns is a file of the old Macintosh, which is a single line to a CSV
	// reader.
	errReturns = errors.New("its lines end in carriage returns alone")
)

// utf8BOM is the byte order mark; those of GB 18030 and UTF-16 decode to the same.
var utf8BOM = []byte("\uFEFF")

// foreign are the first bytes of files that are mistaken for CSV.
var foreign = []struct {
	magic, what string
}{
	{"\xD0\xCF\x11\xE0", "an old Excel workbook: save it as xlsx"},
	{"%PDF", "a PDF"},
	{"<!DOCTYPE", "a web page: was it downloaded without being logged in?"},
	{"<html", "a web page: was it downloaded without being logged in?"},
	{"\x89PNG", "an image"},
	{"\xFF\xD8\xFF", "an image"},
	{"BZh", "compressed with bzip2: use gzip"},
	{"\xFD7zXZ", "compressed with xz: use gzip"},
	{"\x28\xB5\x2F\xFD", "compressed with zstd: use gzip"},
}

// gzipMagic begins a compressed file.
var gzipMagic = []byte{0x1f, 0x8b}

const readBuffer = 64 << 10

// maxRow bounds the bytes of a row, line ends aside, so that what is no table does
// not fill the memory.
const maxRow = 1 << 20

// maxLineEnds bounds the line ends before and in a row: an empty line is none, but a quote
// that is never closed has all that come after it.
const maxLineEnds = 16 << 20

// textOf undoes compression, encoding and byte order mark, which counts for more than a named
// encoding. UTF-16, as spreadsheets write
// "Unicode text", shows at once and is decoded. Text in a named encoding is decoded from
// that; where none is named it must be UTF-8, and reading ends with errNotUTF8 where it is
// likely to be something else.
func textOf(raw io.Reader, encoding string) (*textReader, error) {
	r, compressed, err := unzipped(raw)
	if err != nil {
		return nil, err
	}
	var zipped io.Reader
	if compressed {
		zipped = r
	}
	head, err := r.Peek(16)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return nil, fmt.Errorf("%w but %s", errForeign, f.what)
		}
	}
	if bytes.HasPrefix(head, utf8BOM) { // whatever is declared: no other encoding's text begins so
		encoding = utf8Name
	}
	t := &textReader{zipped: zipped, encoding: utf8Name, line: 1}
	order, wide := utf16Order(head)
	switch {
	case wide:
		t.decoded, t.encoding = true, utf16Name
		r = bufio.NewReaderSize(transform.NewReader(r, unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder()), readBuffer)
	case bytes.IndexByte(head, 0) >= 0:
		return nil, fmt.Errorf("%w but binary data: save it as CSV (UTF-8)", errForeign)
	case encoding != "" && encoding != utf8Name:
		from, err := htmlindex.Get(encoding)
		if err != nil {
			return nil, fmt.Errorf("read text as %s: %w", encoding, err)
		}
		t.decoded, t.encoding = true, encoding
		r = bufio.NewReaderSize(transform.NewReader(r, from.NewDecoder()), readBuffer)
	case encoding == utf8Name:
		t.wide = enough // so it is, whatever it looks like
	}
	if head, err := r.Peek(len(utf8BOM)); err == nil && bytes.Equal(head, utf8BOM) {
		if _, err := r.Discard(len(utf8BOM)); err != nil {
			return nil, err
		}
	}
	t.objects = beginsObject(r)
	t.in = r
	return t, nil
}

// unzipped undoes gzip, where there is any.
func unzipped(raw io.Reader) (r *bufio.Reader, compressed bool, err error) {
	r = bufio.NewReaderSize(raw, readBuffer)
	head, err := r.Peek(len(gzipMagic))
	if err != nil || !bytes.Equal(head, gzipMagic) {
		return r, false, nil //nolint:nilerr // an error comes again when it is read
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, true, err
	}
	return bufio.NewReaderSize(z, readBuffer), true, nil
}

// beginsObject reports whether a text begins as JSON objects do.
func beginsObject(r *bufio.Reader) bool {
	head, _ := r.Peek(256) // an error comes again when it is read
	head = bytes.TrimLeft(head, " \t\r\n")
	if rest, list := bytes.CutPrefix(head, []byte("[")); list {
		head = bytes.TrimLeft(rest, " \t\r\n")
	}
	return bytes.HasPrefix(head, []byte("{"))
}

// utf16Order tells UTF-16 by its byte order mark or, where there is none, by the
// zeros that every other byte of ASCII text is.
func utf16Order(head []byte) (unicode.Endianness, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return unicode.BigEndian, true
	}
	low, high := true, true // the low, the high byte comes first
	for i := 0; i+1 < len(head); i += 2 {
		low = low && head[i] != 0 && head[i+1] == 0
		high = high && head[i] == 0 && head[i+1] != 0
	}
	if low {
		return unicode.LittleEndian, len(head) >= 4
	}
	return unicode.BigEndian, high && len(head) >= 4
}

// textReader passes text on and checks it on the way.
type textReader struct {
	in       io.Reader
	zipped   io.Reader // of a compressed file, before it is decoded: to read on; nil: it is not
	encoding string    // as EncodingName has it
	objects  bool      // it is JSON
	decoded  bool      // from another encoding, where the decoder writes U+FFFD for bytes it cannot read
	line     int       // on which the next byte stands
	// objectLong says that rows are JSON objects: white space is a part of them.
	objectLong bool
	since      int // bytes, line ends aside, since the row before was read
	lines      int // line ends since then
	returns    int // carriage returns less line feeds in them
	wide       int // characters beyond ASCII seen, up to enough
	tail       int // bytes at the begin of held that are passed on but belong to an unfinished character
	held       [utf8.UTFMax]byte
	err        error
}

// enough is how many characters beyond ASCII in a row make a text UTF-8 beyond
// doubt: of GB 18030's pairs of bytes, hardly one in ten looks like UTF-8.
const enough = 8

// row begins the next row. A few bytes of it, as many as the CSV reader looks ahead,
// may be counted to the one before.
func (t *textReader) row() { t.since, t.returns, t.lines = 0, 0, 0 }

// Read implements io.Reader. Text up to the first bad byte's chunk is passed
// on before the error.
func (t *textReader) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.in.Read(p)
	if bad := t.check(p[:n], errors.Is(err, io.EOF)); bad != nil {
		t.err = bad
		return 0, bad
	}
	feeds, returns := bytes.Count(p[:n], []byte("\n")), bytes.Count(p[:n], []byte("\r"))
	t.since += n - feeds - returns
	t.returns += returns - feeds
	t.lines += feeds + returns
	switch {
	case t.objectLong && t.since+t.lines > maxRow, t.lines > maxLineEnds:
		t.err = errLongRow
		return 0, t.err
	case t.since > maxRow && t.returns > 0:
		t.err = errReturns
		return 0, t.err
	case t.since > maxRow:
		t.err = errLongRow
		return 0, t.err
	}
	t.err = err
	return n, err
}

// check looks at the next bytes of the text, with the unfinished character
// before them.
func (t *textReader) check(p []byte, last bool) error {
	if t.tail > 0 {
		done := t.finish(p)
		if done < 0 {
			return t.bad()
		}
		p = p[done:]
	}
	if t.decoded {
		if at := bytes.Index(p, []byte("\uFFFD")); at >= 0 {
			t.line += bytes.Count(p[:at], []byte("\n"))
			return t.bad()
		}
	}
	whole := len(p)
	if !utf8.Valid(p) {
		whole = validPrefix(p)
	}
	t.line += bytes.Count(p[:whole], []byte("\n"))
	t.count(p[:whole])
	if utf8.FullRune(p[whole:]) {
		return t.bad()
	}
	t.tail += copy(t.held[t.tail:], p[whole:])
	if last && t.tail > 0 {
		return t.bad()
	}
	return nil
}

// finish completes the held character from p: how many bytes it took, or -1.
func (t *textReader) finish(p []byte) int {
	done := 0
	for done < len(p) && !utf8.FullRune(t.held[:t.tail]) {
		t.held[t.tail] = p[done]
		t.tail++
		done++
	}
	if !utf8.FullRune(t.held[:t.tail]) {
		return done
	}
	r, size := utf8.DecodeRune(t.held[:t.tail])
	if r == utf8.RuneError && (size <= 1 || t.decoded) {
		return -1
	}
	t.tail = 0
	t.wide++
	return done
}

// validPrefix is how many bytes come before the first that is no whole character.
func validPrefix(p []byte) int {
	for at := 0; ; {
		r, size := utf8.DecodeRune(p[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
}

// count counts characters beyond ASCII until there are enough.
func (t *textReader) count(p []byte) {
	const high = 0x8080808080808080 // set in a byte beyond ASCII
	for len(p) > 0 && t.wide < enough {
		if len(p) >= 8 && binary.LittleEndian.Uint64(p)&high == 0 {
			p = p[8:]
			continue
		}
		if p[0] < utf8.RuneSelf {
			p = p[1:]
			continue
		}
		_, size := utf8.DecodeRune(p)
		p = p[size:]
		t.wide++
	}
}

func (t *textReader) bad() error {
	switch {
	case !t.decoded && t.wide < enough:
		return errNotUTF8
	case t.encoding == utf8Name, t.encoding == gb18030:
		return fmt.Errorf("%w neither UTF-8 nor GB 18030", errBrokenText)
	}
	return fmt.Errorf("%w no %s", errBrokenText, strings.ToUpper(t.encoding))
}
