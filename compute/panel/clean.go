package panel

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CleanText is an id, an attribute or a header in the one spelling that is kept: Unicode's
// composed form (NFC), without blanks and invisible signs around it.
func CleanText(s string) string {
	if isClean(s) {
		return s
	}
	return norm.NFC.String(strings.TrimFunc(s, isBlank))
}

// isClean reports whether a text is ASCII with no blank at its ends.
func isClean(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return s == "" || s[0] > ' ' && s[len(s)-1] > ' '
}

// isBlank reports whether a sign is a blank, or is not seen at all.
func isBlank(c rune) bool {
	return unicode.IsSpace(c) || c >= '\u200B' && c <= '\u200F' || c == '\u2060' || c == '\uFEFF'
}

// foldText is the same for texts that differ in case, width, blanks, hyphens and dots
// only, and are probably one.
func foldText(s string) string {
	return strings.Map(func(c rune) rune {
		if isBlank(c) || strings.ContainsRune("-‐‑‒–—―−_.·'’", c) {
			return -1
		}
		return unicode.ToLower(c)
	}, norm.NFKC.String(s))
}
