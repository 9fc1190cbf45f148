package suggest

import (
	"strings"
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

// Lookalike is the sign that r was meant for, or empty.
func Lookalike(r rune) string {
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
