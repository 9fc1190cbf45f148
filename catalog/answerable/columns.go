package answerable

import (
	"slices"

	"github.com/weirdata/weir/catalog/disclosure"
)

// Column is what a column loses by what the rule compares it with, or needs. It counts
// the classes that have cells, over the sources of the report's version.
type Column struct {
	Measure string   `json:"measure"`
	With    string   `json:"with,omitempty"`    // of a square or product
	Needs   int      `json:"needs"`             // entities with news in a unit
	Exact   int      `json:"exact,omitempty"`   // of a square or product: exact columns connected with it
	Related []string `json:"related,omitempty"` // columns that tell of the same readings
	Sources int      `json:"sources"`           // periods
	Classes int      `json:"classes"`
	Alone   int      `json:"alone"`  // that are a unit by themselves
	Joined  int      `json:"joined"` // that are summed together with others only
	Kept    int      `json:"kept"`   // that repeat an earlier version, whose unit they keep
	None    int      `json:"none"`   // that are in no unit of the version
	Why     []Why    `json:"why"`    // of those joined or in none
}

// Why is a reason why classes are not units by themselves.
type Why struct {
	Code    string `json:"code"` // one of the Why… constants
	Classes int    `json:"classes"`
}

// Codes of reasons, in the order in which they are looked for.
const (
	WhySmall    = "small"    // a square or product: the class has fewer entities than are needed
	WhySums     = "sums"     // the plain sums do not have the class as a unit by itself in the same versions
	WhyUnpaired = "unpaired" // some entities, but too few, have one of the two measures without the other
	WhyAbsent   = "absent"   // too few entities count
	WhyNews     = "news"     // too few entities have news
)

var whyCodes = []string{WhySmall, WhySums, WhyUnpaired, WhyAbsent, WhyNews}

// columns describes every column of the dataset in the report's version.
func (r *reporting) columns() {
	s := r.version()
	if s == nil {
		return
	}
	id := r.Descriptor.Dataset
	for _, c := range disclosure.Columns(r.Descriptor) {
		out := Column{Measure: c.Measure, With: c.With, Needs: r.Family.Cohort(id, c), Related: r.related(c), Why: []Why{}}
		if !c.Plain() {
			out.Exact = r.Family.Moments(id, c)
		}
		counts := make([]int, len(whyCodes))
		for p := s.Closed.From; p < s.Closed.To; p++ {
			if source := s.Source(c, p); source != nil {
				r.source(s, c, p, source, &out, counts)
			}
		}
		for i, n := range counts {
			if n > 0 {
				out.Why = append(out.Why, Why{whyCodes[i], n})
			}
		}
		r.out.Columns = append(r.out.Columns, out)
	}
}

// related are the other columns that are compared with one.
func (r *reporting) related(c disclosure.Column) []string {
	var out []string
	id := r.Descriptor.Dataset
	own := disclosure.Columns(r.Descriptor)
	for _, x := range own {
		if x != c && r.Family.Related(id, c, id, x) {
			out = append(out, x.String())
		}
	}
	for _, d := range r.Others {
		for _, x := range d.Columns() {
			if r.Family.Related(id, c, d.ID, x) {
				out = append(out, d.ID+"."+x.String())
			}
		}
	}
	return out
}

// source counts the classes of one source.
func (r *reporting) source(s *disclosure.Settled, c disclosure.Column, period int64, source *disclosure.Source, out *Column, why []int) {
	out.Sources++
	present, counts := disclosure.CellsOf(r.Cells, s.Version, c, period)
	paired := r.Family.Pairing(r.Descriptor.Dataset, c, s.Version, period, r.Cells)
	for class := range int32(s.Classes) { //nolint:gosec // at most catalog.MaxRegistryRows
		if present.CountIn(r.tree.Members(class)) == 0 {
			continue
		}
		out.Classes++
		switch {
		case source.Alone(class):
			out.Alone++
			continue
		case source.Chosen(class) > 0:
			out.Kept++
			continue
		case source.InUnit(class):
			out.Joined++
		default:
			out.None++
		}
		why[slices.Index(whyCodes, r.why(s, c, period, class, out.Needs, counts, paired))]++
	}
}

// why is the reason why a class is no unit by itself.
func (r *reporting) why(
	s *disclosure.Settled, c disclosure.Column, period int64, class int32, needs int, counts disclosure.Bits, paired func(class int32) bool,
) string {
	members := r.tree.Members(class)
	if !c.Plain() {
		switch {
		case len(members) < needs:
			return WhySmall
		case !s.SumsAlone(r.Family.Versions(r.Descriptor.Dataset), c, period, class):
			return WhySums
		case !paired(class):
			return WhyUnpaired
		}
	}
	if counts.CountIn(members) < needs {
		return WhyAbsent
	}
	return WhyNews
}
