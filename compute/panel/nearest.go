package panel

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Nearest is the name most like the given one, or empty when none is like
// enough to be what was meant: at most a third of its letters to change.
func Nearest(name string, names []string) string {
	best, found := len([]rune(name))/3+1, ""
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n), best); d < best {
			best, found = d, n
		}
	}
	return found
}

// distance is the Levenshtein distance of two texts, or more than limit.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return limit + 1
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			d := diagonal
			if x[i] != y[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(y)]
}

// extended is the one name that begins with the given one and goes on with something
// else than a letter or a digit, as a unit in brackets does; empty: there is none, or
// more than one.
func extended(name string, names []string) string {
	found := ""
	for _, n := range names {
		rest, ok := strings.CutPrefix(strings.ToLower(n), strings.ToLower(name))
		if next, _ := utf8.DecodeRuneInString(rest); name == "" || !ok || rest == "" || unicode.IsLetter(next) || unicode.IsDigit(next) {
			continue
		}
		if found != "" {
			return ""
		}
		found = n
	}
	return found
}

// suggest says what was probably meant, or what there is to choose from.
func suggest(name string, names []string) string {
	if n := cmp.Or(Nearest(name, names), extended(name, names)); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	if len(names) == 1 {
		return "there is only " + Quoted(names)
	}
	return "there are " + Quoted(names)
}

// Quoted lists the first of many names.
func Quoted(names []string) string {
	const most = 12
	list := make([]string, 0, most+1)
	for _, n := range names[:min(most, len(names))] {
		list = append(list, fmt.Sprintf("%.40q", n))
	}
	if len(names) > most {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}
