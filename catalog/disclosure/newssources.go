package disclosure

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// SourceRef names a source of a family.
type SourceRef struct {
	Dataset string
	Version int
	Column  Column
	Period  int64 // of the dataset's policy grain
}

// Comparable lists the settled sources that are comparable with the one that a column
// and period of a dataset's next version will make (RELEASE.md section 2.2): of related
// columns and of periods that overlap, or are joined by a chain of overlapping ones. Of
// the same version it has none; those that settle before it there are comparable by the
// same conditions. The order is that of datasets, versions, columns and periods; whoever
// asks FindNews knows that of the ledger. For what the family does not have it is empty.
func (f *Family) Comparable(dataset string, c Column, period int64) []SourceRef {
	m := f.member(dataset)
	if m == nil {
		return nil
	}
	var out []SourceRef
	var spans []catalog.Interval // of out, in hours
	for _, other := range f.members {
		for _, s := range other.versions {
			for _, column := range s.Columns {
				if !f.rule.related(f.relations, columnRef{dataset: dataset, column: c}, columnRef{dataset: other.dataset.ID, column: column}) {
					continue
				}
				for p := s.Closed.From; p < s.Closed.To; p++ {
					out = append(out, SourceRef{other.dataset.ID, s.Version, column, p})
					spans = append(spans, other.dataset.PolicyGrain.Span(p, catalog.GrainHour))
				}
			}
		}
	}
	// Periods nest, so a chain leads as far as the widest one around.
	wide := m.dataset.PolicyGrain.Span(period, catalog.GrainHour)
	for _, s := range spans {
		if s.From <= wide.From && wide.To <= s.To {
			wide = s
		}
	}
	kept := 0
	return slices.DeleteFunc(out, func(SourceRef) bool {
		s := spans[kept]
		kept++
		return s.From >= wide.To || s.To <= wide.From
	})
}
