package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/node/api/wire"
)

// withheldGroups names the first of the groups that would not be released.
func withheldGroups(v catalog.Verdict) []string {
	var out []string
	for _, g := range v.Withheld[:min(len(v.Withheld), wire.MaxWithheld)] {
		out = append(out, rowWords(v, g))
	}
	return out
}

// rowWords name a group of the grid by its dimensions.
func rowWords(v catalog.Verdict, g catalog.GroupIndex) string {
	parts := slices.Clone(v.EntityGroups[g.Entity].Values)
	if p := v.PeriodGroups[g.Period].Value; p != "" {
		parts = append(parts, p)
	}
	return groupWords(parts)
}

func groupWords(values []string) string {
	if len(values) == 0 {
		return "all selected entities"
	}
	return strings.Join(values, ", ")
}

// leftOut says what the first of the released groups would lack: entities in all
// periods, or a class in some.
func leftOut(d catalog.Descriptor, v catalog.Verdict) []string {
	var out []string
	for i, g := range v.EntityGroups {
		if included := included(v, i); included > 0 && included < g.Of {
			out = append(out, fmt.Sprintf("%s: %d of %d entities", groupWords(g.Values), g.Of-included, g.Of))
		}
	}
	if len(v.Layers) != 1 {
		return out[:min(len(out), wire.MaxWithheld)] // what one layer leaves out, another may take
	}
	layer := v.Layers[0]
	for _, x := range layer.Exclusions {
		var periods []string
		for _, i := range x.Intervals {
			first, last := d.Grain.Format(i.From), d.Grain.Format(i.To-1)
			if first != last {
				first += " to " + last
			}
			periods = append(periods, first)
		}
		classes, group, column := 0, -1, -1
		x.Each(len(v.Columns), len(v.Parts), func(c, part int) {
			if column < 0 {
				column = c
			}
			if c == column {
				group = v.Parts[part].Group
				classes++
			}
		})
		if classes == 0 {
			continue
		}
		where, of := groupWords(v.EntityGroups[group].Values), v.Columns[column].Measure
		if x.Column < 0 && len(v.Columns) > 1 {
			of = "all measures"
		}
		if classes > 1 {
			where = fmt.Sprintf("%d classes of entities, the last in %s", classes, where)
		} else {
			where += ": a class of entities"
		}
		out = append(out, fmt.Sprintf("%s, in %s, of %s", where, strings.Join(periods, " and "), of))
	}
	return out[:min(len(out), wire.MaxWithheld)]
}

// included is how many entities of an entity group are in the figures of one of its
// groups, of that with the most; all of them where nothing is protected.
func included(v catalog.Verdict, group int) int {
	if len(v.Coverage) == 0 {
		return v.EntityGroups[group].Of
	}
	most, periods := 0, len(v.PeriodGroups)
	for _, c := range v.Coverage[group*periods : (group+1)*periods] {
		most = max(most, c.Included)
	}
	return most
}

// verdictWords says why a query would be accepted, and what it would leave out.
func verdictWords(d catalog.Descriptor, p judge.Preview) []string {
	words := []string{fmt.Sprintf("accepted under contract %s", p.Contract.ID)}
	if p.Repeats != "" {
		words = append(words, fmt.Sprintf("query %s released this already: the same verdict, not counted, the price alone", p.Repeats))
	}
	if j := p.Join; j != nil {
		text := fmt.Sprintf("joined with version %d of dataset %s under contract %s", j.Version, j.Dataset, j.Contract)
		if j.Price != "" {
			text += fmt.Sprintf(", which pays %s %s", j.Price, j.Currency)
		}
		words = append(words, text)
	}
	if d.Policy.Public {
		return append(words, "the dataset is public: every group is released")
	}
	in, of := 0, 0
	for i, g := range p.Verdict.EntityGroups {
		in, of = in+included(p.Verdict, i), of+g.Of
	}
	words = append(words, fmt.Sprintf("min_cohort is %d: %d of %d entities are included", max(d.Policy.MinCohort, p.Contract.MinCohort), in, of))
	if n := len(p.Verdict.Withheld); n > 0 {
		what := "1 group would cover too few of its entities and is withheld"
		if n > 1 {
			what = fmt.Sprintf("%d groups would cover too few of their entities and are withheld", n)
		}
		words = append(words, what)
	}
	return words
}

// explainCoverage says what the rows of a verdict would cover. Of public data and of a
// private selection there is nothing to say.
func explainCoverage(x *wire.Explained, v catalog.Verdict) {
	if len(v.Coverage) == 0 || v.In != "" {
		return
	}
	var short, rest []wire.ExplainedRow
	withheld := v.Withheld
	for at, c := range v.Coverage {
		g := catalog.GroupIndex{Entity: at / len(v.PeriodGroups), Period: at % len(v.PeriodGroups)}
		if len(withheld) > 0 && withheld[0] == g {
			withheld = withheld[1:]
			continue
		}
		if c.Of == 0 {
			continue // nobody counts there: no row comes of it
		}
		row := wire.ExplainedRow{Group: rowWords(v, g), Coverage: c}
		if c.Included == c.Of {
			x.Whole++
		}
		if c.HeldBack > 0 {
			x.HeldBack++
		}
		if c.Included < c.Of || c.HeldBack > 0 {
			short = append(short, row)
		} else {
			rest = append(rest, row)
		}
	}
	x.Coverage = append(short, rest...)
	x.Coverage = x.Coverage[:min(len(x.Coverage), wire.MaxCovered)]
}

// nodesLearn says what an opening shows to a node: PROTOCOL.md sections 3 and 4.
const nodesLearn = "the request, the groups and how many there are; of the values, uniformly random shares and nothing else"

// nodesWords says in plain words what the nodes learn from a query (PROTOCOL.md
// sections 3 to 6).
func nodesWords(d catalog.Descriptor, k catalog.Contract, v catalog.Verdict) string {
	words := nodesLearn
	for _, use := range v.Vectors {
		name := "private vector " + use.Name
		if use.ID == catalog.NewVector {
			name = "a private vector that is yet to be registered"
		}
		words += fmt.Sprintf("; that %s over the %d entities of the registry was used, not which of them it selects or weighs, nor how many", name, use.Entities)
	}
	if v.In != "" && v.Noise == nil && !d.Policy.Public && slices.ContainsFunc(v.Columns, func(c catalog.Column) bool { return !c.Count }) {
		words += fmt.Sprintf("; and one bit: whether anywhere fewer than %d entities are selected or left over, in which case there is no answer", max(k.MinCohort, d.Policy.MinCohort))
	}
	return words
}
