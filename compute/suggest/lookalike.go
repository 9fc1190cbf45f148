package suggest

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
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

// Unseen says where two names differ that may look the same: in a sign beyond ASCII, such as
// a Cyrillic letter in a Latin word. It is empty where the difference can be seen, as that of
// two ASCII letters or two Chinese characters can. Quotes around the names do not count.
func Unseen(name, meant string) string {
	a, b := []rune(strings.Trim(name, `"'`)), []rune(strings.Trim(meant, `"'`))
	if len(a) < 2 {
		return ""
	}
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		ascii := x < utf8.RuneSelf && y < utf8.RuneSelf
		switch {
		case x == y, ascii && unicode.ToLower(x) == unicode.ToLower(y):
			continue
		case ascii, unicode.Is(unicode.Han, x), unicode.Is(unicode.Han, y):
			return ""
		}
		return fmt.Sprintf(" it has %U where this has %U", y, x)
	}
	switch {
	case len(a) > len(b) && a[len(b)] >= utf8.RuneSelf && !unicode.Is(unicode.Han, a[len(b)]):
		return fmt.Sprintf(" it ends where this has %U", a[len(b)])
	case len(b) > len(a) && b[len(a)] >= utf8.RuneSelf && !unicode.Is(unicode.Han, b[len(a)]):
		return fmt.Sprintf(" it has %U where this ends", b[len(a)])
	}
	return ""
}
