package shown

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hidden are the characters that have no shape of their own, or change how the text
// around them is shown: controls (terminal sequences begin with one), bidirectional
// marks, overrides and isolates, joiners and other characters of no width, variation
// selectors, tags, separators of lines and paragraphs, and private use. The table is
// written out here because the ledger refuses these characters: package unicode's tables
// grow with releases of Go, and nodes of two releases must accept the same entries.
var hidden = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x0000, 0x001f, 1}, // C0 controls
		{0x007f, 0x009f, 1}, // delete, C1 controls
		{0x00ad, 0x00ad, 1}, // soft hyphen
		{0x034f, 0x034f, 1}, // combining grapheme joiner
		{0x0600, 0x0605, 1}, // Arabic number signs
		{0x061c, 0x061c, 1}, // Arabic letter mark
		{0x06dd, 0x06dd, 1}, // Arabic end of ayah
		{0x070f, 0x070f, 1}, // Syriac abbreviation mark
		{0x0890, 0x0891, 1}, // Arabic pound and piastre mark
		{0x08e2, 0x08e2, 1}, // Arabic disputed end of ayah
		{0x115f, 0x1160, 1}, // Hangul fillers
		{0x17b4, 0x17b5, 1}, // Khmer inherent vowels
		{0x180b, 0x180f, 1}, // Mongolian selectors and vowel separator
		{0x200b, 0x200f, 1}, // zero width, marks of direction
		{0x2028, 0x202e, 1}, // line and paragraph separator, embeddings, overrides
		{0x2060, 0x206f, 1}, // word joiner, invisible operators, isolates, deprecated
		{0x3164, 0x3164, 1}, // Hangul filler
		{0xd800, 0xf8ff, 1}, // surrogates, private use
		{0xfe00, 0xfe0f, 1}, // variation selectors
		{0xfeff, 0xfeff, 1}, // byte order mark
		{0xffa0, 0xffa0, 1}, // half-width Hangul filler
		{0xfff0, 0xfffb, 1}, // specials, interlinear annotation
		{0xfffe, 0xffff, 1}, // no characters
	},
	R32: []unicode.Range32{
		{0x110bd, 0x110bd, 1},  // Kaithi number sign
		{0x110cd, 0x110cd, 1},  // Kaithi number sign above
		{0x13430, 0x1343f, 1},  // Egyptian hieroglyph format controls
		{0x1bca0, 0x1bca3, 1},  // shorthand format controls
		{0x1d173, 0x1d17a, 1},  // musical format controls
		{0xe0000, 0x10ffff, 1}, // tags, variation selectors, private use
	},
	LatinOffset: 3,
}

// Hidden reports whether a character is never shown to a person as it is.
func Hidden(r rune) bool { return unicode.Is(hidden, r) }

// Text is a text that somebody else wrote, as it may stand in one line of a terminal or
// of a file for people: hidden characters, line breaks among them, and bytes that are no
// UTF-8 are written as Go's escapes, such as \u202e. What is shown so stays as it is when
// it is shown again. It does not bound the length.
func Text(s string) string {
	at := strings.IndexFunc(s, unshown)
	if at < 0 {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:at]...)
	for i, size := at, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		case r != utf8.RuneError && unshown(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b = append(b, quoted[1:len(quoted)-1]...)
		default:
			b = append(b, s[i:i+size]...)
		}
	}
	return string(b)
}

// unshown reports whether Text escapes a character, or has to look at it: also one that
// this program does not know, which may have no shape either, and utf8.RuneError, which
// may stand for a byte that is no UTF-8.
func unshown(r rune) bool {
	return r >= utf8.RuneSelf && !unicode.IsGraphic(r) || Hidden(r) || r == utf8.RuneError
}

// Lines is Text for a text whose line breaks and tabs are the program's own.
func Lines(s string) string {
	if strings.IndexFunc(s, unshown) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		at := strings.IndexAny(s, "\n\t")
		if at < 0 {
			at = len(s)
		}
		b.WriteString(Text(s[:at]))
		b.WriteString(s[at:min(at+1, len(s))])
		s = s[min(at+1, len(s)):]
	}
	return b.String()
}

// JSON is a JSON document in which hidden characters are escapes of JSON: whoever
// reads it gets the same strings. Only strings have such characters beyond ASCII.
func JSON(document []byte) []byte {
	s := string(document)
	if strings.IndexFunc(s, unshownJSON) < 0 {
		return document
	}
	b := make([]byte, 0, len(s)+16)
	for _, r := range s {
		if unshownJSON(r) {
			b = appendJSONEscape(b, r)
			continue
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}

// unshownJSON reports whether JSON escapes a character: the encoder has escaped
// those of ASCII but delete.
func unshownJSON(r rune) bool { return r >= 0x7f && r != utf8.RuneError && unshown(r) }

func appendJSONEscape(b []byte, r rune) []byte {
	units := []rune{r}
	if r > 0xffff {
		r -= 0x10000
		units = []rune{0xd800 + r>>10, 0xdc00 + r&0x3ff}
	}
	for _, u := range units {
		b = fmt.Appendf(b, `\u%04x`, u)
	}
	return b
}
