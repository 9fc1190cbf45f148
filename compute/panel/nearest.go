package panel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weirdata/weir/compute/suggest"
)

// nearest is the name most like the given one, empty when none is like enough to be what
// was meant. One or two letters are another name with another letter, as CO and NO are: of
// such names only the case may differ.
func nearest(name string, names []string) string {
	if utf8.RuneCountInString(name) > 2 {
		return suggest.Nearest(name, names)
	}
	if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); i >= 0 {
		return names[i]
	}
	return ""
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

// didYouMean says what was probably meant, or what there is to choose from.
func didYouMean(name string, names []string) string {
	if n := cmp.Or(nearest(name, names), extended(name, names)); n != "" {
		return fmt.Sprintf("did you mean %q?%s", n, suggest.Unseen(name, n))
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
