package explain

import (
	"encoding/json"
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

// sentences are all of them: no code is in two.
var sentences = []map[string]sentence{
	descriptorSentences, dataSentences, contractSentences, entrySentences, querySentences, nodeSentences, fixSentences,
}

func sentenceOf(code string) (sentence, bool) {
	for _, some := range sentences {
		if s, known := some[code]; known {
			return s, true
		}
	}
	return sentence{}, false
}

// Message says what was refused. A code that this version does not know is told as it is,
// with its arguments.
func Message(r *catalog.Refusal) string { return Reason(r.Reason) }

// Fix says what would pass instead; empty where nothing is known to.
func Fix(r *catalog.Refusal) string {
	if len(r.Fix) > 0 {
		parts := make([]string, len(r.Fix))
		for i, p := range r.Fix {
			parts[i] = Reason(p)
		}
		return strings.Join(parts, "; ")
	}
	s, known := sentenceOf(r.Code)
	if !known || s.fix == "" {
		return ""
	}
	return fill(s.fix, r.Reason)
}

// Refusal says what was refused and what would pass.
func Refusal(r *catalog.Refusal) string {
	if fix := Fix(r); fix != "" {
		return Message(r) + "; " + fix
	}
	return Message(r)
}

// Reason says why something failed; empty for no reason.
func Reason(r catalog.Reason) string {
	if r.IsZero() {
		return ""
	}
	s, known := sentenceOf(r.Code)
	if !known {
		return shown.Text(r.String())
	}
	return fill(s.message, r)
}

// Group names the group of a refusal.
func Group(name string) string {
	if name == "*" {
		return "all selected entities"
	}
	return name
}

// fill writes a format with the arguments of a reason and, behind them, its parts. The
// last place takes all parts that are left. Arguments that are missing, of a reason that
// another version made, are told as "?".
func fill(format string, r catalog.Reason) string {
	n := places(format)
	words := make([]word, 0, n)
	for _, a := range r.Args {
		words = append(words, word(a))
	}
	for i, p := range r.Parts {
		if i > 0 && len(words) == n {
			words[n-1] += word("; " + Reason(p))
			continue
		}
		words = append(words, word(Reason(p)))
	}
	args := make([]any, n)
	for i := range args {
		args[i] = word("?")
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
type word string

// Format implements fmt.Formatter. Beside s and q, and d, which is as s, there are
//
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
	text := string(w)
	switch verb {
	case 'd':
	case 'l':
		text = listWords(text, func(s string) string { return s })
	case 'Q':
		text = listWords(text, func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" })
	case 'A':
		text = strings.Join(catalog.AggregateNames(), ", ")
	case 'G':
		text = strings.Join(catalog.GrantNames(text), ", ")
	case 'C':
		text = columnWords(text)
	case 'R':
		text = counted(text, "a single reading", "readings")
	case 'E':
		text = counted(text, "1 entity", "entities")
	case 'K':
		text = counted(text, "1 entity that counts", "entities that count")
	case 'g':
		text = Group(text)
	default:
		text = fmt.Sprintf(fmt.FormatString(f, verb), text)
	}
	_, _ = f.Write([]byte(shown.Text(text))) // into memory
}

func counted(n, one, many string) string {
	if n == "1" {
		return one
	}
	return n + " " + many
}

// listWords writes the names of an argument that is a list.
func listWords(arg string, each func(string) string) string {
	list, more, ok := catalog.ParseListArg(arg)
	if !ok {
		return arg
	}
	for i := range list {
		list[i] = each(list[i])
	}
	text := strings.Join(list, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// columnWords name a column of sums.
func columnWords(arg string) string {
	var c catalog.Column
	if json.Unmarshal([]byte(arg), &c) != nil {
		return arg
	}
	text := c.Measure
	switch {
	case c.Bucket > 0:
		return fmt.Sprintf("bucket %d of %s", c.Bucket, text)
	case c.Times != "":
		text += " × " + c.Times
	}
	if c.With != "" {
		text += " where " + c.With + " is present"
	}
	return text
}
