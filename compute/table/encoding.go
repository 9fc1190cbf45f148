package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// Names of encodings, as the WHATWG has them.
const (
	utf8Name  = "utf-8"
	utf16Name = "utf-16"
	gb18030   = "gb18030"
)

// EncodingName is the one name of an encoding: gb18030 for GBK and GB 2312, which are parts
// of it, windows-1252 for Latin-1. It fails for what is none (WHATWG Encoding Standard,
// section 4.2, has the labels).
func EncodingName(label string) (string, error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		return "", fmt.Errorf("%.40q is no encoding: want utf-8, gb18030, windows-1252 (Latin-1), or another of the web's", label)
	}
	name, err := htmlindex.Name(e)
	switch {
	case err != nil:
		return "", fmt.Errorf("encoding %.40q: %w", label, err)
	case name == "gbk":
		return gb18030, nil
	case strings.HasPrefix(name, "utf-16"):
		return utf16Name, nil
	}
	return name, nil
}

// evidence is what a file that is no UTF-8 says for GB 18030, and against it.
type evidence struct {
	runs  int // of characters beyond ASCII
	latin int // of them that stand inside Latin words, or are no GB 18030 at all

	line    int    // of the first of these
	example []byte // the word around it
}

// look reads the whole file for signs of its encoding.
func (r *reader) look() (evidence, error) {
	raw, err := r.open()
	if err != nil {
		return evidence{}, err
	}
	in, _, err := unzipped(raw)
	if err != nil {
		return evidence{}, errors.Join(err, raw.Close())
	}
	found, err := lookAt(in)
	return found, errors.Join(err, raw.Close())
}

// lookAt judges each run of characters beyond ASCII. Chinese stands beside digits, signs
// and other Chinese. In Latin words that are read as GB 18030 a letter goes before or after
// the run, and its last byte, or the byte after it, is a letter too: in Köln the ö and the l
// are read as one character.
func lookAt(in io.ByteReader) (evidence, error) {
	e := evidence{}
	s := gbRun{line: 1}
	for {
		c, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			s.end(&e, 0)
			return e, nil
		}
		if err != nil {
			return e, err
		}
		s.take(&e, c)
	}
}

// gbRun is where a reading of GB 18030 has come to.
type gbRun struct {
	line    int
	word    []byte // since the last sign that parts words
	latin   bool   // the word has a run of Latin letters
	before  byte   // the last character, if it is ASCII
	pending []byte // of a character that is not whole
	inside  bool   // a run
	starts  byte   // the character before it
	letters bool   // a character of it ends with a letter
	invalid bool
}

const mostOfWord = 60

func (s *gbRun) take(e *evidence, c byte) {
	if len(s.word) < mostOfWord {
		s.word = append(s.word, c)
	}
	switch n := len(s.pending); {
	case n == 1 && c >= '0' && c <= '9', n == 2 && c >= 0x81 && c <= 0xfe:
		s.pending = append(s.pending, c)
		return
	case n == 3 && c >= '0' && c <= '9', n == 1 && c >= 0x40 && c <= 0xfe && c != 0x7f:
		s.letters = s.letters || n == 1 && isLetter(c)
		s.pending = s.pending[:0]
		return
	case n > 0: // no character
		s.invalid = true
		s.pending = s.pending[:0]
	}
	if c >= 0x80 {
		if !s.inside {
			s.inside, s.starts, s.letters = true, s.before, false
		}
		if c == 0x80 || c == 0xff {
			s.invalid = true
		} else {
			s.pending = append(s.pending, c)
		}
		return
	}
	s.end(e, c)
}

// end ends a run, if there is one, at an ASCII character.
func (s *gbRun) end(e *evidence, c byte) {
	if s.inside {
		e.runs++
		touches, odd := isLetter(s.starts) || isLetter(c), s.invalid || s.letters || len(s.pending) > 0
		if odd && touches || isLetter(s.starts) && isLetter(c) {
			e.latin++
			s.latin = true
		}
		s.inside, s.invalid, s.pending = false, false, s.pending[:0]
	}
	s.before = c
	if c == 0 || strings.IndexByte(",;\t\n\r\"|", c) >= 0 {
		if s.latin && e.example == nil {
			e.line, e.example = s.line, bytes.Trim(bytes.Clone(s.word), ",;\t\n\r\"| ")
		}
		s.word, s.latin = s.word[:0], false
	}
	if c == '\n' {
		s.line++
	}
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }

// isLatin reports whether so much speaks against GB 18030 that its owner must say.
func (e evidence) isLatin() bool { return e.example != nil && 2*e.latin >= e.runs }

// words say what speaks against it.
func (e evidence) words() string {
	latin, err := charmap.Windows1252.NewDecoder().Bytes(e.example)
	if err != nil {
		latin = e.example
	}
	chinese, err := simplifiedchinese.GB18030.NewDecoder().Bytes(e.example)
	if err != nil || bytes.Contains(chinese, []byte("\uFFFD")) {
		return fmt.Sprintf("is neither UTF-8 nor GB 18030; read as Windows-1252 (Latin-1) this is %q", latin)
	}
	return fmt.Sprintf("is not UTF-8, and may be GB 18030 or Windows-1252 (Latin-1): this is %q in the one, %q in the other", chinese, latin)
}
