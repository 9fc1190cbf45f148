package disclosure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// Column is a measure (With empty), a measure's square (With the same) or the
// product of two measures of one dataset.
type Column struct {
	Measure string
	With    string
}

// Plain reports whether the column is a measure itself.
func (c Column) Plain() bool { return c.With == "" }

// factors are the measures that a square or product is made of, the measure
// itself of a plain column.
func (c Column) factors() (a, b Column) {
	if c.Plain() {
		return c, c
	}
	return Column{Measure: c.Measure}, Column{Measure: c.With}
}

func (c Column) String() string {
	if c.Plain() {
		return c.Measure
	}
	return c.Measure + "·" + c.With
}

// Dataset is what the rule needs of a protected dataset's descriptor.
type Dataset struct {
	ID          string
	Grain       calendar.Grain // of the data
	PolicyGrain calendar.Grain // of sources
	MinCohort   int
	Portfolios  int
	Cubes       [][]string
	Measures    []string
	Moments     [][2]string // squares are pairs of equal names
	Related     [][]string  // groups of two or more; "measure" or "dataset.measure"
	Joins       []string    // datasets of other publishers
}

// DatasetOf takes from a descriptor what the rule needs.
func DatasetOf(d catalog.Descriptor) Dataset {
	out := Dataset{
		ID: d.Dataset, Grain: d.Grain, PolicyGrain: d.Policy.Grain,
		MinCohort: d.Policy.MinCohort, Portfolios: d.Policy.Portfolios, Cubes: d.Policy.Cubes,
		Moments: d.Policy.Moments, Joins: d.Policy.Joins,
	}
	for _, m := range d.Measures {
		out.Measures = append(out.Measures, m.Name)
	}
	for _, group := range d.Policy.Related {
		out.Related = append(out.Related, slices.Clone(group))
	}
	return out
}

// Columns are the columns of a dataset in the order in which their sources
// settle within a version: plain measures, then squares and products.
func (d Dataset) Columns() []Column {
	out := make([]Column, 0, len(d.Measures)+len(d.Moments))
	for _, m := range d.Measures {
		out = append(out, Column{Measure: m})
	}
	for _, m := range d.Moments {
		out = append(out, Column{Measure: m[0], With: m[1]})
	}
	return out
}

// Columns are the columns of a descriptor, see Dataset.Columns; the indexes that
// a version's declared news names are those of this list.
func Columns(d catalog.Descriptor) []Column { return DatasetOf(d).Columns() }

// columnRef is a column of a dataset of the family. A column that stands for the
// products with another publisher's dataset has its name in Joined.
type columnRef struct {
	dataset string
	column  Column
	joined  string
}

// relations are how the columns of a family hang together.
type relations struct {
	refs      []columnRef
	index     map[columnRef]int
	alike     []int // column → root of its related plain measures
	connected []int // column → root of its component over related, moments and joins
}

// relate finds the relations of datasets as they were ever declared. It fails
// with a *Conflict when related names what is no measure of the family.
func relate(declared []Dataset) (*relations, error) {
	r := &relations{index: map[columnRef]int{}}
	for _, d := range declared {
		for _, c := range d.Columns() {
			r.add(columnRef{dataset: d.ID, column: c})
		}
		for _, m := range d.Measures {
			for _, other := range d.Joins {
				r.add(columnRef{dataset: d.ID, column: Column{Measure: m}, joined: other})
			}
		}
	}
	// Same name, same quantity.
	for i, a := range r.refs {
		for j := range i {
			if b := r.refs[j]; a.plain() && b.plain() && a.column == b.column {
				r.link(i, j, true)
				break
			}
		}
	}
	for _, d := range declared {
		for _, group := range d.Related {
			if err := r.linkGroup(d, group); err != nil {
				return nil, err
			}
		}
	}
	for i, a := range r.refs {
		if a.plain() {
			continue
		}
		x, y := a.column.factors()
		r.link(i, r.index[columnRef{dataset: a.dataset, column: x}], false)
		r.link(i, r.index[columnRef{dataset: a.dataset, column: y}], false)
	}
	for i := range r.refs { // so that finding a root is one step
		r.alike[i], r.connected[i] = root(r.alike, i), root(r.connected, i)
	}
	return r, nil
}

func (c columnRef) plain() bool { return c.column.Plain() && c.joined == "" }

func (r *relations) add(c columnRef) {
	if _, known := r.index[c]; known {
		return
	}
	r.index[c] = len(r.refs)
	r.alike = append(r.alike, len(r.refs))
	r.connected = append(r.connected, len(r.refs))
	r.refs = append(r.refs, c)
}

func (r *relations) linkGroup(d Dataset, group []string) error {
	first := -1
	for _, name := range group {
		ref := columnRef{dataset: d.ID, column: Column{Measure: name}}
		if dataset, measure, other := strings.Cut(name, "."); other {
			ref = columnRef{dataset: dataset, column: Column{Measure: measure}}
		}
		at, known := r.index[ref]
		if !known {
			return &Conflict{Code: ConflictRelated, Dataset: d.ID, Other: ref.dataset, OtherColumn: ref.column}
		}
		if first < 0 {
			first = at
		}
		r.link(at, first, true)
	}
	return nil
}

// link makes two columns connected, and alike where they tell of the same readings.
func (r *relations) link(i, j int, alike bool) {
	join(r.connected, i, j)
	if alike {
		join(r.alike, i, j)
	}
}

// root and join keep disjoint sets as a forest whose roots are the lowest members.
// root changes nothing: relations are read by many at once.
func root(parent []int, i int) int {
	for parent[i] != i {
		i = parent[i]
	}
	return i
}

func join(parent []int, i, j int) {
	a, b := root(parent, i), root(parent, j)
	parent[max(a, b)] = min(a, b)
}

// related reports whether sources of the two columns are compared. Plain
// measures are when names or related say so; a square or product with those
// whose factors are, and with its own factors.
func (r *relations) related(a, b columnRef) bool {
	alike := func(x, y Column) bool {
		i, known := r.index[columnRef{dataset: a.dataset, column: x}]
		j, alsoKnown := r.index[columnRef{dataset: b.dataset, column: y}]
		return known && alsoKnown && root(r.alike, i) == root(r.alike, j)
	}
	a1, a2 := a.column.factors()
	b1, b2 := b.column.factors()
	if a.column.Plain() != b.column.Plain() {
		return alike(a1, b1) || alike(a2, b2) || alike(a1, b2) || alike(a2, b1)
	}
	return alike(a1, b1) && alike(a2, b2) || alike(a1, b2) && alike(a2, b1)
}

// component is the number of columns connected with column i, and whether any
// of them is a moment.
func (r *relations) component(i int) (size int, moments bool) {
	for j, c := range r.refs {
		if root(r.connected, j) == root(r.connected, i) {
			size++
			moments = moments || !c.plain()
		}
	}
	return size, moments
}

// Conflict is why a dataset may not join a family or change in it, or why a
// source cannot settle. It is a code and what it speaks of; sentences for people
// are made from it elsewhere.
type Conflict struct { //nolint:errname // the word of RELEASE.md and of callers
	Code        string // one of the Conflict… constants
	Dataset     string
	Column      Column
	Other       string // the other dataset, where there is one
	OtherColumn Column
	Have, Want  int // numbers, where there are such: of the family, of the dataset
	// Of ConflictPeriods: the dataset's period, and the grain of the other one's.
	Period     string
	OtherGrain calendar.Grain
}

// Codes of conflicts.
const (
	ConflictCohort     = "min_cohort" // the family's k is another
	ConflictCubes      = "cubes"      // the family's are others
	ConflictPortfolios = "portfolios" // the family's number is another
	ConflictGrain      = "grain"      // a dataset's grain of data or policy would change
	ConflictMoments    = "moments"    // p of a component that has moments would change
	ConflictConnects   = "connects"   // two components that both have settled sources would become one
	ConflictRelated    = "related"    // a name in related that is no measure of the family
	ConflictPeriods    = "periods"    // periods of related columns would overlap without nesting
	ConflictJoined     = "joined"     // a related measure of the dataset comes first and is the one that may be joined
	ConflictUnknown    = "dataset"    // no dataset of the family
	ConflictVersion    = "version"    // a version is not newer than the one before
)

func (c *Conflict) Error() string {
	if c.Code == ConflictPeriods {
		return fmt.Sprintf("release rule: %s of %s overlaps %s of %s in dataset %s, and neither lies in the other, so that they cannot be held against each other; leave such periods out, or have both datasets of one grain",
			c.Period, c.Column, c.OtherGrain.One(), c.OtherColumn, c.Other)
	}
	s := fmt.Sprintf("release rule: %s of dataset %s", c.Code, c.Dataset)
	if c.Column != (Column{}) {
		s += " column " + c.Column.String()
	}
	if c.Other != "" {
		s += fmt.Sprintf(" against dataset %s column %s", c.Other, c.OtherColumn)
	}
	if c.Have != 0 || c.Want != 0 {
		s += fmt.Sprintf(": %d, not %d", c.Have, c.Want)
	}
	return s
}
