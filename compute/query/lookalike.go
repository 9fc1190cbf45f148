package query

import (
	"fmt"
	"strings"
	"unicode"
)

// lookalikes are signs that keyboards, word processors and other dialects of SQL
// write in place of those of this language, which have to be ASCII.
var lookalikes = map[rune]string{
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'", '“': "'", '”': "'", '„': "'", '″': "'", '「': "'", '」': "'", '『': "'", '』': "'",
	'、': ",", '。': ".", '《': "<", '》': ">", '〈': "<", '〉': ">", '【': "(", '】': ")", '〔': "(", '〕': ")",
	'×': "*", '–': "-", '—': "-", '−': "-", '≤': "<=", '≥': ">=", '≠': "<>", '`': `"`, '[': `"`, ']': `"`,
}

// The full-width forms of ASCII's signs, letters and digits (U+FF01 to U+FF5E).
const (
	fullWidthFirst = '！'
	fullWidthLast  = '～'
	fullWidthShift = fullWidthFirst - '!'
)

// lookalike is the sign that r was meant for, or empty.
func lookalike(r rune) string {
	if r >= fullWidthFirst && r <= fullWidthLast {
		return string(r - fullWidthShift)
	}
	return lookalikes[r]
}

// narrow writes the full-width forms in s as ASCII, as far as they are of ASCII.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= fullWidthFirst && r <= fullWidthLast:
			return r - fullWidthShift
		case r == '　':
			return ' '
		}
		return r
	}, s)
}

// signWords name a character for a message: one that cannot be seen by its number.
func signWords(r rune) string {
	if unicode.IsGraphic(r) {
		return "the character " + string(r)
	}
	return fmt.Sprintf("the invisible character U+%04X", r)
}

// visible is r as a terminal shows it in one place: what has no shape, or would
// turn the direction of the line, becomes a dot.
func visible(r rune) rune {
	switch {
	case r == '\t':
		return r
	case unicode.IsControl(r):
		return ' '
	case unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
		return '·'
	}
	return r
}
