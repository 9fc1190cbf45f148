package answerable

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
)

// Facts are what a report is made of: public, but for Sums.
type Facts struct {
	Family     *disclosure.Family
	Descriptor catalog.Descriptor   // of a protected dataset of the family
	Others     []disclosure.Dataset // of the family, as they are declared
	AsOf       int                  // a settled version of the dataset
	Live       func(version int) bool
	Cells      disclosure.Cells
	Attributes []Attribute // of the registry, in its order
	// Sums are the absolute values of what each entity's readings add up to in a period
	// of the policy's grain, which only the publisher knows; nil: not known.
	Sums func(measure string, period int64) []int64
}

// Attribute is a public column of the registry.
type Attribute struct {
	Name   string
	Values []string // by code
	Codes  []uint32 // entity → code
}

// Report is what can be answered as of a version.
type Report struct {
	Dataset   string   `json:"dataset"`
	AsOf      int      `json:"as_of"`
	MinCohort int      `json:"min_cohort"`
	Coverage  string   `json:"min_coverage"`
	Entities  int      `json:"entities"`
	Classes   int      `json:"classes"`
	Periods   int      `json:"periods"` // of the policy's grain that are settled
	First     string   `json:"first,omitempty"`
	Last      string   `json:"last,omitempty"`
	Levels    []Level  `json:"levels"`
	Joined    []Joined `json:"joined"`
	Pool      []Leaf   `json:"pool"` // entities that wait for others, in no figure
	Columns   []Column `json:"columns"`
	HeldBack  []Held   `json:"held_back"` // at most MaxHeld, the most entities first
	Lists     []List   `json:"lists"`
}

// MaxHeld is how many rows that lack corrections a report names.
const MaxHeld = 20

// reporting is a report under way.
type reporting struct {
	Facts
	tree    *disclosure.Tree
	periods []int64
	k       int
	out     *Report
}

// Of makes the report. Its cost is that of answering every level once, and of the
// tests of some lists.
func Of(f Facts) (*Report, error) {
	r := &reporting{Facts: f, tree: f.Family.Tree(), k: f.Descriptor.Policy.MinCohort}
	for _, a := range f.Attributes {
		if len(a.Codes) < r.tree.Entities() {
			return nil, fmt.Errorf("attribute %s has values of %d entities, the registry has %d", a.Name, len(a.Codes), r.tree.Entities())
		}
	}
	r.periods = f.Family.AskedPeriods(f.Descriptor, nil, f.AsOf, nil)
	d := f.Descriptor
	r.out = &Report{
		Dataset: d.Dataset, AsOf: f.AsOf, MinCohort: r.k, Coverage: d.Policy.Coverage(),
		Entities: r.tree.Entities(), Classes: r.tree.Classes(), Periods: len(r.periods),
		Levels: []Level{}, Joined: []Joined{}, Pool: []Leaf{}, Columns: []Column{}, HeldBack: []Held{}, Lists: []List{},
	}
	if n := len(r.periods); n > 0 {
		r.out.First, r.out.Last = r.period(r.periods[0]), r.period(r.periods[n-1])
	}
	levels := r.levels()
	for _, l := range levels {
		if err := r.level(l); err != nil {
			return nil, err
		}
	}
	r.sortHeld()
	r.joined(levels)
	r.columns()
	if err := r.lists(); err != nil {
		return nil, err
	}
	return r.out, nil
}

func (r *reporting) period(p int64) string { return r.Descriptor.Policy.Grain.Format(p) }

// version is the settled version that the report is of.
func (r *reporting) version() *disclosure.Settled {
	for _, s := range r.Family.Versions(r.Descriptor.Dataset) {
		if s.Version == r.AsOf {
			return s
		}
	}
	return nil
}
