package result

import (
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/shown"
)

// WithheldGroup is a group that was asked for and is not released. Values are those of its
// dimensions in the order of the request, without pieces: all of them are withheld. Of
// protected data Included of the Of entities that count in it could be released; Of is 0
// where that is not known.
type WithheldGroup struct {
	Values   []string `json:"values"`
	Included int      `json:"included"`
	Of       int      `json:"of"`
}

// withheld lists the groups that are not released.
func (b *builder) withheld() []WithheldGroup {
	var out []WithheldGroup
	for _, at := range b.verdict.Withheld {
		g := WithheldGroup{Values: []string{}}
		for i, d := range b.query.Request.By {
			if d.Kind != catalog.DimPiece {
				g.Values = append(g.Values, b.publicDimension(at, i))
			}
		}
		c, _ := b.coverage(at)
		g.Included, g.Of = c.Included, c.Of
		out = append(out, g)
	}
	return out
}

// mostNamed is how many withheld groups are named in a sentence.
const mostNamed = 5

// withheldNames name the groups that were withheld, and how much of each could have been
// released.
func (t *Table) withheldNames() string {
	var names []string
	for i, g := range t.Groups {
		if i == mostNamed {
			names = append(names, fmt.Sprintf("and %d more", len(t.Groups)-i))
			break
		}
		name := strings.Join(g.Values, " ")
		if name == "" {
			name = "the whole"
		}
		if g.Of > 0 {
			name += fmt.Sprintf(" (%d of %d entities could be released)", g.Included, g.Of)
		}
		names = append(names, shown.Text(name))
	}
	return strings.Join(names, ", ")
}

// Shortfall says in sentences what a result lacks of what was asked for: groups that
// were withheld, rows that are not whole, periods of which nothing is published, corrections that
// are held back. There is none
// where nothing is missing.
func (t *Table) Shortfall() []string {
	var out []string
	withheld := t.withheldWords()
	if names := t.withheldNames(); names != "" {
		withheld += ": " + names
	}
	for _, words := range []string{withheld, t.partialWords(), t.notThereWords(), t.heldBackWords()} {
		if words != "" {
			out = append(out, words)
		}
	}
	return out
}

// Whole reports whether every group that was asked for is there with everybody who
// counts in it. A row for which a correction is held back is whole: its figures are
// those of an earlier version.
func (t *Table) Whole() bool {
	partial, omitting := t.partial()
	return t.Withheld == 0 && partial == 0 && omitting == 0
}

// partial counts the rows that lack entities, and those from which some periods of some
// entities are left out.
func (t *Table) partial() (lacking, omitting int) {
	for i, of := range t.Of {
		if t.Included[i] < of {
			lacking++
		}
	}
	for _, n := range t.Omitted {
		if n > 0 {
			omitting++
		}
	}
	return lacking, omitting
}

func (t *Table) withheldWords() string {
	if t.Withheld == 0 {
		return ""
	}
	return numbered(t.Withheld, "group", "groups") + " withheld by policy"
}

func (t *Table) partialWords() string {
	lacking, omitting := t.partial()
	least := -1
	for i, of := range t.Of {
		if t.Included[i] < of && (least < 0 || t.Included[i]*t.Of[least] < t.Included[least]*of) {
			least = i
		}
	}
	switch {
	case lacking == 1:
		return fmt.Sprintf("1 row is not whole: it covers %d of %d entities", t.Included[least], t.Of[least])
	case lacking > 1:
		return fmt.Sprintf("%d rows are not whole: the one that lacks most covers %d of %d entities", lacking, t.Included[least], t.Of[least])
	case omitting > 0:
		return numbered(omitting, "row is", "rows are") + " not whole: periods are left out"
	}
	return ""
}

// notThere are the periods that are named and not in any group. An interval of a condition names its periods unless
// one of its ends is open. Where periods are grouped by a coarser grain, a group names those of its period that no
// condition excludes: a year of which six months are there is not the year's.
func notThere(own, by calendar.Grain, condition []calendar.Interval, groups []catalog.PeriodGroup) (out []string) {
	all := own.Bounds()
	var there []calendar.Interval
	for _, g := range groups {
		there = append(there, g.Intervals...)
	}
	var named []calendar.Interval
	for _, i := range condition {
		if i.From > all.From && i.To < all.To {
			named = append(named, i)
		}
	}
	if by != "" && own.Finer(by) {
		asked := calendar.NewPeriodSet(condition)
		if len(condition) == 0 {
			asked = calendar.PeriodSet{all}
		}
		for _, i := range there {
			named = append(named, asked.Intersect(calendar.PeriodSet{by.Span(own.In(i.From, by), own)})...)
		}
	}
	gaps := calendar.NewPeriodSet(there).Complement(all)
	for _, gap := range gaps.Intersect(calendar.NewPeriodSet(named)) {
		text := own.Format(gap.From)
		if gap.To-gap.From > 1 {
			text += " to " + own.Format(gap.To-1)
		}
		out = append(out, text)
	}
	return out
}

func (t *Table) notThereWords() string {
	if len(t.NotThere) == 0 {
		return ""
	}
	text := strings.Join(t.NotThere[:min(len(t.NotThere), mostNamed)], ", ")
	if more := len(t.NotThere) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return "not in the figures, as nothing is published that can be asked: " + text
}

// heldBackWords say of how many entities of all rows the figures are not the newest. An
// entity may be in several rows, of several periods say.
func (t *Table) heldBackWords() string {
	rows, entities, most := 0, 0, 0
	for _, n := range t.HeldBack {
		if n > 0 {
			rows++
			entities, most = n, max(most, n)
		}
	}
	switch rows {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("1 row does not have corrections of %s yet", numbered(entities, "entity", "entities"))
	}
	return fmt.Sprintf("%d rows do not have corrections of some entities yet, of %d at most", rows, most)
}

func numbered(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
