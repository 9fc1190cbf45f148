package explain

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
)

// sentence is what a code says: what is wrong, and what would pass instead; the latter is
// empty where nothing does, or where refusals bring it along. Both are formats of the
// code's arguments with its parts behind them, each as text (word).
type sentence struct{ message, fix string }

// Message says what was refused. A code that this version does not know is told as it is,
// with its arguments.
func (l Language) Message(r *catalog.Refusal) string { return l.Reason(r.Reason) }

// Fix says what would pass instead; empty where nothing is known to.
func (l Language) Fix(r *catalog.Refusal) string {
	if len(r.Fix) > 0 {
		parts := make([]string, len(r.Fix))
		for i, p := range r.Fix {
			parts[i] = l.Reason(p)
		}
		return strings.Join(parts, l.words().further)
	}
	s, known := l.sentenceOf(r.Code)
	if !known || s.fix == "" {
		return ""
	}
	return l.fill(s.fix, r.Reason)
}

// Refusal says what was refused and what would pass.
func (l Language) Refusal(r *catalog.Refusal) string {
	if fix := l.Fix(r); fix != "" {
		return l.Message(r) + l.words().further + fix
	}
	return l.Message(r)
}

// Reason says why something failed; empty for no reason.
func (l Language) Reason(r catalog.Reason) string {
	if r.IsZero() {
		return ""
	}
	s, known := l.sentenceOf(r.Code)
	if !known {
		return shown.Text(r.String())
	}
	return l.fill(s.message, r)
}

// Group names the group of a refusal.
func (l Language) Group(name string) string {
	if name == "*" {
		return l.words().everybody
	}
	return name
}

// Message is English.Message.
func Message(r *catalog.Refusal) string { return English.Message(r) }

// Fix is English.Fix.
func Fix(r *catalog.Refusal) string { return English.Fix(r) }

// Refusal is English.Refusal.
func Refusal(r *catalog.Refusal) string { return English.Refusal(r) }

// Reason is English.Reason.
func Reason(r catalog.Reason) string { return English.Reason(r) }

// Group is English.Group.
func Group(name string) string { return English.Group(name) }

// fill writes a format with the arguments of a reason and, behind them, its parts. The
// last place takes all parts that are left. Arguments that are missing, of a reason that
// another version made, are told as "?".
func (l Language) fill(format string, r catalog.Reason) string {
	n := places(format)
	words := make([]word, 0, n)
	for _, a := range r.Args {
		words = append(words, word{a, l})
	}
	for i, p := range r.Parts {
		if i > 0 && len(words) == n {
			words[n-1].text += l.words().further + l.Reason(p)
			continue
		}
		words = append(words, word{l.Reason(p), l})
	}
	args := make([]any, n)
	for i := range args {
		args[i] = word{"?", l}
		if i < len(words) {
			args[i] = words[i]
		}
	}
	return fmt.Sprintf(format, args...)
}

// place is an argument's place in a format, or a percent sign.
var place = regexp.MustCompile(`%(%|(?:\.[0-9]+)?(?:\[([1-9])\])?[a-zA-Z])`)

// places is how many arguments a format takes.
func places(format string) int {
	most, next := 0, 1
	for _, found := range place.FindAllStringSubmatch(format, -1) {
		if found[1] == "%" {
			continue
		}
		if found[2] != "" {
			next = int(found[2][0] - '0')
		}
		most, next = max(most, next), next+1
	}
	return most
}

// word is an argument in a sentence.
type word struct {
	text string
	in   Language
}

// Format implements fmt.Formatter. Beside s and q, and d, which is as s, there are
//
//	%o  a word of the program's own, such as a state or a grain; what is none is as s
//	%l  a list: names with commas between them
//	%Q  a list, as SQL writes texts
//	%A  the aggregates that there are, whatever the argument is
//	%G  the names of which any grants the function that the argument is
//	%C  a column of sums
//	%R  how many readings
//	%E  how many entities
//	%K  how many entities that count
//	%g  a group
func (w word) Format(f fmt.State, verb rune) {
	text, words := w.text, w.in.words()
	switch verb {
	case 'd':
	case 'l':
		text = words.list(text, func(s string) string { return s })
	case 'Q':
		text = words.list(text, func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" })
	case 'A':
		text = strings.Join(catalog.AggregateNames(), words.comma)
	case 'G':
		text = strings.Join(catalog.GrantNames(text), words.comma)
	case 'C':
		text = words.column(text)
	case 'R':
		text = words.readings.of(text)
	case 'E':
		text = words.entities.of(text)
	case 'K':
		text = words.counting.of(text)
	case 'g':
		text = w.in.Group(text)
	case 'o':
		if own, known := words.own()[text]; known {
			text = own
			break
		}
		text = fmt.Sprintf(strings.TrimSuffix(fmt.FormatString(f, verb), "o")+"s", text)
	default:
		text = fmt.Sprintf(fmt.FormatString(f, verb), text)
	}
	_, _ = f.Write([]byte(shown.Text(text))) // into memory
}
