package sql

import (
	"strings"
	"unicode/utf8"

	"github.com/weirdata/weir/catalog"
)

// like compiles a pattern of LIKE. One that is a text and % is a range: from the text up to
// the first behind all that begin so. Any other is the list of the registry's values that it
// fits, so that the request says of whom it is, and a node reads no patterns.
func (w *conditionReader) like(t *comparison, column string) (catalog.Predicate, *Error) {
	l := t.Like
	pattern := unquote(l.Text)
	if strings.Contains(pattern, `\`) {
		return catalog.Predicate{}, faultAt(l.Pos, l.Text, `a pattern has %% and _, and no \`).want("'text%'", "'%text%'", "IN ('text', …)")
	}
	leaf := func(op, value string) catalog.Predicate {
		return catalog.Predicate{Op: op, Column: column, Values: []string{value}}
	}
	prefix, open := strings.CutSuffix(pattern, "%")
	switch {
	case strings.ContainsAny(prefix, "%_"):
		return w.values.fitting(l, column, "there is no "+w.columnName(column)+" like "+l.Text, func(v string) bool { return matchesPattern(pattern, v) })
	case !open:
		return leaf(catalog.OpIn, pattern), nil
	}
	from := leaf(catalog.OpGe, prefix)
	behind := following(prefix)
	if behind == "" {
		return from, nil
	}
	return catalog.Predicate{Op: catalog.OpAnd, Args: []catalog.Predicate{from, leaf(catalog.OpLt, behind)}}, nil
}

// matchesPattern reports whether a text is of a pattern: % stands for any text, _ for one character.
func matchesPattern(pattern, text string) bool {
	p, v := []rune(pattern), []rune(text)
	at, open, back := 0, -1, 0 // in p; behind its last %; in v, up to which that % reaches
	for i := 0; i < len(v); {
		switch {
		case at < len(p) && p[at] == '%':
			at++
			open, back = at, i
		case at < len(p) && (p[at] == '_' || p[at] == v[i]):
			at, i = at+1, i+1
		case open >= 0:
			back++
			at, i = open, back
		default:
			return false
		}
	}
	return strings.Trim(string(p[at:]), "%") == ""
}

// following is the first text behind all that begin with prefix; empty: there is none. Texts
// of UTF-8 are in the order of their characters.
func following(prefix string) string {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		if r++; r == 0xD800 { // surrogates are no characters
			r = 0xE000
		}
		if r <= utf8.MaxRune {
			return prefix + string(r)
		}
	}
	return ""
}
