package catalog

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isName reports whether s is a name of DESIGN section 10: [a-z][a-z0-9_]*.
func isName(s string) bool {
	if len(s) == 0 || len(s) > maxName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// isLabel reports whether s may name a node or a key: [a-z0-9][a-z0-9._-]*.
func isLabel(s string) bool {
	if len(s) == 0 || len(s) > maxName {
		return false
	}
	for i, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// isText reports whether s is printable text of at most so many bytes.
func isText(s string, most int) bool {
	if len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if unicode.IsControl(c) {
			return false
		}
	}
	return true
}

// IsCell reports whether s may stand in a registry: printable text of at most
// MaxCell bytes. Ids must also not be empty, nor begin or end with a blank.
func IsCell(s string) bool { return isText(s, MaxCell) }

// checkNames refuses names of the wrong form and names that occur twice.
func checkNames(field string, list []string, allowed func(string) bool, what string) *Refusal {
	seen := make(map[string]bool, len(list))
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if !allowed(s) {
			return invalid(at, "%.80q is not %s", s, what)
		}
		if seen[s] {
			return invalid(at, "%.80q occurs twice", s)
		}
		seen[s] = true
	}
	return nil
}

// quoteList writes a list of names for a message.
func quoteList(list []string) string {
	const most = 8
	text := ""
	for i, s := range list {
		switch {
		case i == most:
			return fmt.Sprintf("%s and %d more", text, len(list)-most)
		case i > 0:
			text += ", "
		}
		text += fmt.Sprintf("%.60s", s)
	}
	return text
}

// cleanReason makes what a node wrote about a failure fit to be stored and
// printed: a node that reports must not be held up by how it words it.
func cleanReason(s string) string {
	if s == "" {
		return "no reason was given"
	}
	clean := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
	if len(clean) <= maxText {
		return clean
	}
	clean = clean[:maxText]
	for !utf8.ValidString(clean) {
		clean = clean[:len(clean)-1]
	}
	return clean
}
