package explain

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/weirdata/weir/catalog"
)

// Retold is a sentence in the language that English has for a code, and that a node has told
// without the code: its arguments are read out of it. One that is no code's, or has hardly a
// word of its own, is returned as it is.
func (l Language) Retold(text string) string {
	if l == English {
		return text
	}
	for _, f := range forms() {
		found := f.english.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		s, known := l.sentenceOf(f.code)
		if !known {
			return text
		}
		args := make([]any, places(s.message))
		for i := range args {
			args[i] = word{"?", l}
		}
		for i, p := range f.places {
			if p.at <= len(args) && p.verb != 'A' && p.verb != 'G' { // what those write is the language's own
				args[p.at-1] = word{l.untold(p.verb, found[i+1]), l}
			}
		}
		return fmt.Sprintf(s.message, args...)
	}
	return text
}

// Own is a word of the program's own, such as a state or a grain; any other is returned as it is.
func (l Language) Own(text string) string {
	if own, known := l.words().own()[text]; known {
		return own
	}
	return text
}

// untold is an argument as its code has it, of what English wrote for it.
func (l Language) untold(verb byte, text string) string {
	english := English.words()
	bare := func(n number) string {
		if text == n.one {
			return "1"
		}
		return strings.TrimSuffix(text, strings.TrimPrefix(n.many, "%s"))
	}
	switch verb {
	case 'q':
		if plain, err := strconv.Unquote(text); err == nil {
			return plain
		}
	case 'l':
		return catalog.ListArg(strings.Split(text, english.comma))
	case 'R':
		return bare(english.readings)
	case 'E':
		return bare(english.entities)
	case 'K':
		return bare(english.counting)
	case 'g':
		if text == english.everybody {
			return "*"
		}
	case 's':
		return l.Retold(text) // a part
	}
	return text
}

// form is what English says for a code, and where its arguments stand in it.
type form struct {
	code    string
	english *regexp.Regexp
	places  []struct {
		at   int // from 1
		verb byte
	}
	own int // bytes beside arguments
}

// fewest is how many letters of its own a sentence has at least that is known by them.
const fewest = 8

// forms are compiled when the first sentence is retold. Those with most of their own stand
// first: of two that a text has the form of, the narrower one is meant.
var forms = sync.OnceValue(func() (all []form) {
	for code, s := range English.words().sentences() {
		own := place.ReplaceAllString(s.message, "")
		letters := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return r
			}
			return -1
		}, own)
		if len(letters) < fewest {
			continue
		}
		f := form{code: code, own: len(own)}
		var b strings.Builder
		b.WriteString(`(?s)^`)
		at, next := 0, 1
		for _, m := range place.FindAllStringSubmatchIndex(s.message, -1) {
			b.WriteString(regexp.QuoteMeta(s.message[at:m[0]]))
			at = m[1]
			verb := s.message[m[1]-1]
			if verb == '%' {
				b.WriteString(`%`)
				continue
			}
			if m[4] >= 0 {
				next = int(s.message[m[4]] - '0')
			}
			f.places = append(f.places, struct {
				at   int
				verb byte
			}{next, verb})
			next++
			b.WriteString(`(.*)`)
		}
		b.WriteString(regexp.QuoteMeta(s.message[at:]) + `$`)
		f.english = regexp.MustCompile(b.String())
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b form) int { return cmp.Or(cmp.Compare(b.own, a.own), cmp.Compare(a.code, b.code)) })
	return all
})
