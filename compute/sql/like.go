package sql

import (
	"strings"
	"unicode/utf8"

	"github.com/weirdata/weir/catalog"
)

// like compiles a pattern of LIKE. Which values there are is not known here, so a pattern is
// a text that begins alike: from it up to the first text behind all of those.
func like(l *literal, column string) (catalog.Predicate, *Error) {
	pattern := unquote(l.Text)
	prefix, open := strings.CutSuffix(pattern, "%")
	if at := strings.IndexAny(prefix, `%_\`); at >= 0 {
		fault := faultAt(l.Pos, l.Text, "a pattern is a text with %% at its end, and with none of _, %% and \\ before that").want("'text%'", "IN ('text', …)")
		if at > 0 {
			fault.Nearest = quotedText(prefix[:at] + "%")
		}
		return catalog.Predicate{}, fault
	}
	leaf := func(op, value string) catalog.Predicate {
		return catalog.Predicate{Op: op, Column: column, Values: []string{value}}
	}
	if !open {
		return leaf(catalog.OpIn, pattern), nil
	}
	from := leaf(catalog.OpGe, prefix)
	behind := following(prefix)
	if behind == "" {
		return from, nil
	}
	return catalog.Predicate{Op: catalog.OpAnd, Args: []catalog.Predicate{from, leaf(catalog.OpLt, behind)}}, nil
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
