package panel

import "strings"

// Texts of periods are remembered up to so many, each up to so many bytes: the hours of
// more than seven years, in a few megabytes.
const (
	maxPeriodTexts = 1 << 16
	maxPeriodText  = 40
)

// periodText is the text of a period that was read without a fault.
type periodText struct {
	text  string
	index int64
	other bool // it had another offset than the dataset
}

// periodTexts are the texts that were read, in the order in which they came up. Files list
// the same periods for one entity after the other, or all entities for each period: the
// next row has mostly the text after that of the last row, or the same.
type periodTexts struct {
	all []periodText
	at  map[string]int32 // index into all
	now int              // that of the last row
}

// find is a text that was read before, or nil.
func (p *periodTexts) find(text string) *periodText {
	for next := p.now; next < min(p.now+2, len(p.all)); next++ {
		if p.all[next].text == text {
			p.now = next
			return &p.all[next]
		}
	}
	at, ok := p.at[text]
	if !ok {
		return nil
	}
	p.now = int(at)
	return &p.all[at]
}

// add remembers a text, of which it keeps a copy: fields are parts of a whole row's text.
// Where there are too many, it begins anew: what came long ago is not likely to come again.
func (p *periodTexts) add(text string, index int64, other bool) {
	if len(text) > maxPeriodText {
		return
	}
	if p.at == nil || len(p.all) == maxPeriodTexts {
		p.all, p.at = p.all[:0], map[string]int32{}
	}
	text = strings.Clone(text)
	p.now = len(p.all)
	p.at[text] = int32(p.now) //nolint:gosec // bounded by maxPeriodTexts
	p.all = append(p.all, periodText{text, index, other})
}
