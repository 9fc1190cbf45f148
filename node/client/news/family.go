package news

import (
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
)

// Edition is a version of a dataset.
type Edition struct {
	Dataset string
	Version int
}

// Family is what a publisher knows of a family when it publishes.
type Family struct {
	Rule     *disclosure.Family
	Datasets []disclosure.Dataset // as they were declared, amendments after what they amend
	Settled  []Edition            // in the order in which they settled
	// Record is what the publisher kept of a version; nil: it is lost.
	Record func(Edition) (*Record, error)
}

// dataset is how a dataset is declared now.
func (f *Family) dataset(id string) (out disclosure.Dataset) {
	for _, d := range f.Datasets {
		if d.ID == id {
			out = d
		}
	}
	return out
}

// earlier is a source that is comparable with one that is published.
type earlier struct {
	Edition
	manifest int // place among the settled versions; len(Settled): of the version that is published
	column   disclosure.Column
	period   int64 // of the policy's grain of its dataset
}

// finest is a period of a grain in the finest ones, in which periods of all grains compare.
func finest(g calendar.Grain, period int64) calendar.Interval {
	return g.Span(period, calendar.Finest)
}

// touched are the periods of a grain that an interval of finest periods touches.
func touched(g calendar.Grain, span calendar.Interval) calendar.Interval {
	return calendar.Interval{From: calendar.Finest.In(span.From, g), To: calendar.Finest.In(span.To-1, g) + 1}
}

func overlap(a, b calendar.Interval) calendar.Interval {
	return calendar.Interval{From: max(a.From, b.From), To: min(a.To, b.To)}
}

// kindred is a column of a settled version that is related to the one that is asked
// about.
type kindred struct {
	Edition
	manifest int
	column   disclosure.Column
	grain    calendar.Grain
	closed   calendar.Interval
}

// kindredOf lists the columns of all settled versions that are related to a column.
func (f *Family) kindredOf(dataset string, c disclosure.Column) []kindred {
	var out []kindred
	for i, at := range f.Settled {
		s := f.version(at)
		if s == nil {
			continue
		}
		for _, x := range s.Columns {
			if f.Rule.Related(dataset, c, at.Dataset, x) {
				out = append(out, kindred{at, i, x, f.dataset(at.Dataset).PolicyGrain, s.Closed})
			}
		}
	}
	return out
}

// version is what a version settled, nil when it settled nothing.
func (f *Family) version(at Edition) *disclosure.Settled {
	all := f.Rule.Versions(at.Dataset)
	i := slices.IndexFunc(all, func(s *disclosure.Settled) bool { return s.Version == at.Version })
	if i < 0 {
		return nil
	}
	return all[i]
}

// widest is the widest period of any kindred source that contains an interval of
// hours, or the interval itself: periods that overlap nest, so a chain of overlapping
// ones leads as far.
func widest(own calendar.Interval, all []kindred) calendar.Interval {
	wide := own
	for _, k := range all {
		t := touched(k.grain, own)
		if t.To-t.From != 1 || t.From < k.closed.From || t.From >= k.closed.To {
			continue
		}
		if span := finest(k.grain, t.From); span.From <= wide.From && wide.To <= span.To {
			wide = span
		}
	}
	return wide
}
