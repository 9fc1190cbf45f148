package table

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
)

// fault hands on what is wrong with the file, which ends it, and returns what is wrong with
// the machine.
func (r *reader) fault(err error, line int) error {
	var parse *csv.ParseError
	var corrupt flate.CorruptInputError
	say := r.sink.Fault
	switch {
	case errors.Is(err, errNotUTF8):
		return err
	case errors.Is(err, fs.ErrNotExist):
		say(0, "there is no such file", "")
	case errors.Is(err, fs.ErrPermission):
		say(0, "you may not read this file", "")
	case errors.Is(err, syscall.EISDIR):
		say(0, "is a directory", fmt.Sprintf("name the files in it, such as %s/*.csv", strings.TrimSuffix(r.file.Name, "/")))
	case errors.Is(err, errForeign):
		say(0, err.Error(), "")
	case errors.Is(err, errReturns):
		say(0, err.Error(), "save it as CSV (UTF-8), not as CSV (Macintosh)")
	case errors.Is(err, errLongRow):
		say(line, err.Error(), "a quote is probably opened and never closed; the rest of the file was not read")
	case errors.Is(err, errBrokenText):
		r.sink.Discard()
		say(line, err.Error(), "save the file as UTF-8")
	case errors.As(err, &parse):
		say(parse.StartLine, fmt.Sprintf("quotes do not match (line %d, character %d): %v", parse.Line, parse.Column, parse.Err),
			`a field with " in it is quoted and its " doubled; the rest of the file was not read`)
	case errors.Is(err, io.ErrUnexpectedEOF):
		r.sink.Discard()
		say(line, "the compressed file ends too early", "it was cut off: copy it again")
	case errors.Is(err, gzip.ErrChecksum): // it says only that there is a damage, not where
		r.sink.Discard()
		say(0, "the compressed file is damaged: its checksum is another", "copy or compress it again")
	case errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		r.sink.Discard()
		say(line, "the compressed file is damaged", "copy or compress it again")
	default:
		return fmt.Errorf("read %s: %w", r.file.Name, err)
	}
	return nil
}

// rowAt is where an error of the text belongs: to the line that was reached, or to
// the row that is longer than any and so reaches far.
func rowAt(err error, reached, row int) int {
	if errors.Is(err, errLongRow) {
		return row
	}
	return reached
}

// mostDrained bounds what is read of a compressed file only to see whether it is
// whole.
const mostDrained = 1 << 30

// damage reads a compressed file to its end after faults were found in it, and
// returns the error of one that is damaged: a flipped bit often leaves a text behind
// that only looks wrong, and the checksum at the end alone tells.
func (t *textReader) damage(ctx context.Context) error {
	if t.zipped == nil || t.err != nil && !errors.Is(t.err, errLongRow) && !errors.Is(t.err, errReturns) && !errors.Is(t.err, errBrokenText) {
		return nil // not compressed, or read to its end
	}
	for read := int64(0); read < mostDrained && ctx.Err() == nil; {
		n, err := io.CopyN(io.Discard, t.zipped, 1<<20)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		read += n
	}
	return ctx.Err()
}
