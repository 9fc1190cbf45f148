package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog"
)

// Language is one in which people are told things. The zero Language is English.
type Language int

// The languages that there are.
const (
	English Language = iota
	Chinese
)

// LanguageOf is the language of a tag of BCP 47: Chinese for zh and what begins with
// zh-, and English for any other.
func LanguageOf(tag string) Language {
	first, _, _ := strings.Cut(tag, "-")
	if strings.EqualFold(first, "zh") {
		return Chinese
	}
	return English
}

// Tag is the language as BCP 47 names it.
func (l Language) Tag() string {
	if l == Chinese {
		return "zh"
	}
	return "en"
}

// language is what a language has beside its sentences: how arguments are written in it.
type language struct {
	sentences func() map[string]sentence          // no code is in two tables
	amend     func() map[catalog.AmendRule]string // why a field cannot be amended
	own       func() map[string]string            // words of the program's own, where they differ
	further   string                              // between what is wrong and what would pass
	comma     string                              // between the names of a list
	more      string                              // behind a list, with how many there are more
	price     string                              // of a query: an amount and its currency
	everybody string                              // the group of all selected entities

	readings, entities, counting number

	bucket, present string // of a column: its bucket and measure; its measure and another
}

// number is how a number of something is written.
type number struct{ one, many string }

func (n number) of(text string) string {
	if text == "1" {
		return n.one
	}
	return fmt.Sprintf(n.many, text)
}

// The maps are made when the first sentence is said, as most commands say none.
var languages = [...]*language{
	English: {
		sentences: sync.OnceValue(func() map[string]sentence {
			return merged(descriptorSentences(), dataSentences(), contractSentences(), entrySentences(), querySentences(), nodeSentences(), fixSentences())
		}),
		amend:   sync.OnceValue(amendRules),
		own:     func() map[string]string { return nil },
		further: "; ", comma: ", ", more: " and %d more", everybody: "all selected entities", price: "a query costs %s %s",
		readings: number{"a single reading", "%s readings"},
		entities: number{"1 entity", "%s entities"},
		counting: number{"1 entity that counts", "%s entities that count"},
		bucket:   "bucket %[1]d of %[2]s", present: "%s where %s is present",
	},
	Chinese: {
		sentences: sync.OnceValue(func() map[string]sentence {
			return merged(zhDescriptorSentences(), zhDataSentences(), zhContractSentences(), zhEntrySentences(), zhQuerySentences(), zhNodeSentences(), zhSeatSentences(), zhFixSentences())
		}),
		amend:   sync.OnceValue(zhAmendRules),
		own:     sync.OnceValue(zhWords),
		further: "；", comma: "、", more: " 等（另有 %d 个）", everybody: "全部所选实体", price: "一次查询收费 %s %s",
		readings: number{"1 个读数", "%s 个读数"},
		entities: number{"1 个实体", "%s 个实体"},
		counting: number{"1 个计入的实体", "%s 个计入的实体"},
		bucket:   "%[2]s 的第 %[1]d 个区间", present: "%s（%s 有读数处）",
	},
}

func merged(tables ...map[string]sentence) map[string]sentence {
	all := map[string]sentence{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// words is the language; that of a number that is none is English.
func (l Language) words() *language {
	if l < 0 || int(l) >= len(languages) {
		l = English
	}
	return languages[l]
}

func (l Language) sentenceOf(code string) (sentence, bool) {
	s, known := l.words().sentences()[code]
	return s, known
}

// Says reports whether the language has a sentence for a code.
func (l Language) Says(code string) bool {
	_, known := l.sentenceOf(code)
	return known
}

// list writes the names of an argument that is a list.
func (w *language) list(arg string, each func(string) string) string {
	list, more, ok := catalog.ParseListArg(arg)
	if !ok {
		return arg
	}
	for i := range list {
		list[i] = each(list[i])
	}
	text := strings.Join(list, w.comma)
	if more > 0 {
		text += fmt.Sprintf(w.more, more)
	}
	return text
}

// column names a column of sums.
func (w *language) column(arg string) string {
	var c catalog.Column
	if json.Unmarshal([]byte(arg), &c) != nil {
		return arg
	}
	text := c.Measure
	switch {
	case c.Bucket > 0:
		return fmt.Sprintf(w.bucket, c.Bucket, text)
	case c.Times != "":
		text += " × " + c.Times
	}
	if c.With != "" {
		text = fmt.Sprintf(w.present, text, c.With)
	}
	return text
}
