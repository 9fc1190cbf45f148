package panel

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// sampleRows is how many first rows of a file are shown as they were read.
const sampleRows = 3

// maxOthers is how many texts of a parameter are told that are no measure's.
const maxOthers = 40

// Counts are what became of a measure's readings that are no plain numbers.
type Counts struct {
	Missing   int `json:"missing,omitempty"`   // stood for by a text or number; empty cells are not counted
	Doubtful  int `json:"doubtful,omitempty"`  // of these: numbers within the range, by the list for all measures
	Invalid   int `json:"invalid,omitempty"`   // taken out by a flag
	Censored  int `json:"censored,omitempty"`  // within a limit, and stood for by a number
	Dropped   int `json:"dropped,omitempty"`   // within a limit or with a sign, and taken out
	Qualified int `json:"qualified,omitempty"` // kept, with a sign behind the number
	Rounded   int `json:"rounded,omitempty"`   // to the measure's decimals
	Clipped   int `json:"clipped,omitempty"`   // above their entity's cap, and stood for by it
}

func (c Counts) plus(o Counts) Counts {
	return Counts{c.Missing + o.Missing, c.Doubtful + o.Doubtful, c.Invalid + o.Invalid, c.Censored + o.Censored, c.Dropped + o.Dropped, c.Qualified + o.Qualified, c.Rounded + o.Rounded, c.Clipped + o.Clipped}
}

// Sampled is a row as it was read.
type Sampled struct {
	Row    int      `json:"row"`
	Fields []string `json:"fields"`
}

// FileReport is what a file turned out to be.
type FileReport struct {
	Name      string         `json:"name"`
	Kind      string         `json:"kind"`
	Encoding  string         `json:"encoding,omitempty"`
	Separator string         `json:"separator,omitempty"`
	Sheet     string         `json:"sheet,omitempty"`
	Header    []string       `json:"header"`
	Rows      int            `json:"rows"`
	Sample    []Sampled      `json:"sample"`
	Passed    []string       `json:"passed,omitempty"`    // columns of a wide table that were passed over
	Unkept    int            `json:"unkept,omitempty"`    // rows that the descriptor's rows leave out
	Others    map[string]int `json:"others,omitempty"`    // rows by parameters that are no measure's
	Filled    int            `json:"filled,omitempty"`    // cells that have the value of the one that they are merged with
	Converted int            `json:"converted,omitempty"` // times that had another offset
}

// Alike are values that are probably one, with how many entities have each.
type Alike struct {
	Column string   `json:"column"`
	Values []string `json:"values"`
	Counts []int    `json:"counts"`
}

// Report is what was done while files were read.
type Report struct {
	Files      []FileReport `json:"files"`
	Measures   []Counts     `json:"measures"`
	Alike      []Alike      `json:"alike,omitempty"`
	Replicated int          `json:"replicated,omitempty"` // readings beyond the first of their cell
	Warnings   []string     `json:"warnings,omitempty"`
}

// maxAlike bounds the values that are listed as alike, and what is quoted of a kind of
// warning.
const maxAlike = 20

// report is the report of files whose panel is made. attributes are the registry's rows,
// where the data makes it.
func (a *assembly) report(attributes [][]string) Report {
	src, ids := a.src, a.registry
	out := Report{Measures: make([]Counts, len(src.Columns)), Replicated: a.replicated}
	for _, f := range a.files {
		head := f.head
		out.Files = append(out.Files, FileReport{
			Name: f.file, Kind: head.Kind, Encoding: head.Encoding, Separator: head.Separator, Sheet: head.Sheet, Header: head.Names,
			Rows: f.count, Sample: f.sample, Passed: f.passed, Unkept: f.unkept, Others: f.others, Converted: f.converted, Filled: f.filled,
		})
		for m, c := range f.counts {
			out.Measures[m] = out.Measures[m].plus(c)
		}
	}
	for m, n := range a.averaged {
		out.Measures[m].Rounded += n
	}
	for m, n := range a.clipped {
		out.Measures[m].Clipped = n
	}
	for m, c := range out.Measures {
		if c.Doubtful > 0 {
			out.Warnings = append(out.Warnings, fmt.Sprintf("%s: %d readings are within the range and were taken as missing, since missing lists their number for all measures; list it under the measures that it is meant for",
				src.Descriptor.Measures[m].Name, c.Doubtful))
		}
	}
	if src.Registry == "" {
		out.Alike = alikeOf(src.EntityColumn, ids, func(i int) string { return ids[i] })
		for at, column := range src.Attributes {
			out.Alike = append(out.Alike, alikeOf(column, ids, func(i int) string { return attributes[i][1+at] })...)
		}
		out.Warnings = append(out.Warnings, floatIDs(src.EntityColumn, ids)...)
	}
	out.Warnings = append(out.Warnings, a.warnings...)
	return out
}

// alikeOf finds values that differ in case, width, blanks or hyphens only.
func alikeOf(column string, ids []string, value func(int) string) []Alike {
	counts := map[string]int{}
	for i := range ids {
		counts[value(i)]++
	}
	folded := make(map[string][]string, len(counts))
	for v := range counts {
		key := foldText(v)
		folded[key] = append(folded[key], v)
	}
	var out []Alike
	for _, key := range slices.Sorted(maps.Keys(folded)) {
		values := folded[key]
		if len(values) < 2 || len(out) == maxAlike {
			continue
		}
		slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b)) })
		a := Alike{Column: column, Values: values}
		for _, v := range values {
			a.Counts = append(a.Counts, counts[v])
		}
		out = append(out, a)
	}
	return out
}

// Words say it to a person, and what to write.
func (a Alike) Words() string {
	parts := make([]string, len(a.Values))
	for i, v := range a.Values {
		parts[i] = fmt.Sprintf("%s (%d)", ShowText(v), a.Counts[i])
	}
	return fmt.Sprintf("%s: %s are probably one: mend them, or write rename: {%s: {%s: %s}}",
		a.Column, strings.Join(parts, ", "), a.Column, ShowText(a.Values[len(a.Values)-1]), ShowText(a.Values[0]))
}

// ShowText quotes a text and writes signs that look like others, or like none, as escapes.
func ShowText(s string) string {
	quoted := fmt.Sprintf("%q", s)
	return strings.NewReplacer("\u00a0", `\u00a0`, "\u3000", `\u3000`, "‐", `\u2010`, "‑", `\u2011`, "−", `\u2212`).Replace(quoted)
}

// floatID is an id that a spreadsheet took for a number and cut.
var floatID = regexp.MustCompile(`^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$`)

// floatIDs warns of ids that a spreadsheet has turned into numbers.
func floatIDs(column string, ids []string) []string {
	n, first := 0, ""
	for _, id := range ids {
		if floatID.MatchString(id) {
			if n++; n == 1 {
				first = id
			}
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d ids look like numbers that a spreadsheet has shortened, such as %s: different entities may have become one; export the column as text", column, n, first)}
}
