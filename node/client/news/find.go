package news

import (
	"fmt"
	"maps"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
)

// Found is what a version declares.
type Found struct {
	News []catalog.SourceNews // ascending (Column, Period), without what says nothing
	// Lost are earlier versions whose record is lost although it is needed, in the order
	// in which they settled, and Undeclared the sources of which nothing is declared
	// for that.
	Lost       []Edition
	Undeclared []Undeclared
}

// Undeclared is a source of which nothing could be declared.
type Undeclared struct {
	Column disclosure.Column
	Period int64
}

// Find finds out what a version of a dataset declares whose readings are r, and which
// closes the periods of an interval of the policy's grain. The dataset is in the
// family, its earlier versions are among those settled.
func (f *Family) Find(dataset string, r *Record, closed calendar.Interval) (*Found, error) {
	w := &finding{
		f: f, dataset: f.dataset(dataset), own: r, closed: closed, records: map[Edition]*Record{}, lost: map[Edition]bool{},
		sums: map[earlier]sums{}, units: map[earlier]disclosure.Bits{}, news: map[declaredKey]disclosure.Bits{},
	}
	if w.dataset.ID == "" {
		return nil, fmt.Errorf("find the news of dataset %s: the family does not have it", dataset)
	}
	for _, s := range f.Rule.Versions(dataset) {
		w.before = append(w.before, Edition{dataset, s.Version})
	}
	for c := range f.Rule.Tree().Classes() {
		w.classes = append(w.classes, f.Rule.Tree().Members(int32(c))) //nolint:gosec // classes are at most the rows of a registry
	}
	for i, c := range w.dataset.Columns() {
		if err := w.column(i, c); err != nil {
			return nil, fmt.Errorf("find the news of dataset %s: %w", dataset, err)
		}
	}
	for _, at := range f.Settled {
		if w.lost[at] {
			w.out.Lost = append(w.out.Lost, at)
		}
	}
	return &w.out, nil
}

// finding is Find under way.
type finding struct {
	f       *Family
	dataset disclosure.Dataset
	own     *Record
	closed  calendar.Interval
	before  []Edition // the dataset's settled versions, ascending
	classes [][]int32
	records map[Edition]*Record
	lost    map[Edition]bool // whose record was needed and is not here
	sums    map[earlier]sums // for a while
	units   map[earlier]disclosure.Bits
	news    map[declaredKey]disclosure.Bits // of plain measures that are factors
	out     Found
}

type declaredKey struct {
	measure string
	period  int64
}

// record is what was kept of a version, nil when it is lost.
func (w *finding) record(at Edition) (*Record, error) {
	if r, known := w.records[at]; known {
		return r, nil
	}
	r, err := w.f.Record(at)
	if err == nil {
		w.records[at] = r
	}
	return r, err
}

// column declares all sources of a column.
func (w *finding) column(i int, c disclosure.Column) error {
	related := w.f.kindredOf(w.dataset.ID, c)
	for period := w.closed.From; period < w.closed.To; period++ {
		if w.f.Rule.First(w.dataset.ID, c, period) {
			who, err := w.counting(c, period)
			if err != nil {
				return err
			}
			w.note(c, period, who)
			continue
		}
		fresh, same, complete, err := w.compare(c, period)
		if err != nil {
			return err
		}
		declared := catalog.SourceNews{Column: i, Period: period, Equal: w.equal(c, period, same)}
		who, known, err := w.source(c, period, related, fresh, complete)
		if err != nil {
			return err
		}
		if !known {
			w.out.Undeclared = append(w.out.Undeclared, Undeclared{c, period})
		}
		w.note(c, period, who)
		if who.Count() > 0 {
			declared.News = who.Bytes(w.own.Entities)
		}
		if declared.News != nil || len(declared.Equal) > 0 {
			w.out.News = append(w.out.News, declared)
		}
	}
	return nil
}

// note keeps who has news in a measure for its squares and products.
func (w *finding) note(c disclosure.Column, period int64, who disclosure.Bits) {
	if c.Plain() {
		w.news[declaredKey{c.Measure, period}] = who
	}
}

// span of a period of the dataset's policy in its own grain.
func (w *finding) span(period int64) calendar.Interval {
	return w.dataset.PolicyGrain.Span(period, w.dataset.Grain)
}

// counting are the entities that count in a period: present in at least half of those
// of its periods that the version has.
func (w *finding) counting(c disclosure.Column, period int64) (disclosure.Bits, error) {
	from, to := w.own.within(w.span(period))
	var out disclosure.Bits
	own, err := w.own.sumsOf(c, w.span(period))
	if err != nil {
		return nil, err
	}
	for e, n := range own.cells {
		if n > 0 && 2*int(n) >= to-from {
			out = out.Set(e)
		}
	}
	return out, nil
}

// source finds who has news in a source that is no first one; known: all that this
// needs is here.
func (w *finding) source(c disclosure.Column, period int64, related []kindred, fresh []int32, complete bool) (who disclosure.Bits, known bool, err error) {
	span := w.span(period)
	if !slices.ContainsFunc(fresh, func(n int32) bool { return n > 0 && 2*int64(n) >= span.To-span.From }) {
		return nil, complete, nil
	}
	list := w.comparable(c, period, related)
	for _, x := range list {
		r, err := w.recordOf(x)
		if err != nil {
			return nil, false, err
		}
		d := w.f.dataset(x.Dataset)
		if r == nil || !r.Knows(d.PolicyGrain.Span(x.period, d.Grain)) {
			w.lost[x.Edition] = true
			complete = false
		}
	}
	if !complete {
		return nil, false, nil
	}
	q, err := w.question(c, period, list, fresh)
	if err != nil {
		return nil, false, err
	}
	found, err := disclosure.FindNews(q.NewsQuestion)
	if err != nil {
		return nil, false, err
	}
	// Where more of the declared groups of related columns hang together, all columns are asked
	// about as one group, too: only what is news in both is declared.
	also := found
	if q.all != nil {
		q.Totals = [][]int{q.all}
		if also, err = disclosure.FindNews(q.NewsQuestion); err != nil {
			return nil, false, err
		}
	}
	a, b := w.news[declaredKey{c.Measure, period}], w.news[declaredKey{c.With, period}]
	for e := range w.own.Entities {
		over := q.over != nil && q.over[e]
		if found.Has(e) && also.Has(e) && !over && (c.Plain() || a.Has(e) || b.Has(e)) {
			who = who.Set(e)
		}
	}
	return who, true, nil
}

// comparable lists the sources that settled before and are compared with one, in order:
// related, and of periods that overlap or are joined by a chain of overlapping ones.
func (w *finding) comparable(c disclosure.Column, period int64, related []kindred) []earlier {
	wide := widest(finest(w.dataset.PolicyGrain, period), related)
	var out []earlier
	for _, k := range related {
		in := overlap(touched(k.grain, wide), k.closed)
		for at := in.From; at < in.To; at++ {
			if s := w.f.version(k.Edition); s.Source(k.column, at) != nil {
				out = append(out, earlier{k.Edition, k.manifest, k.column, at})
			}
		}
	}
	in := overlap(touched(w.dataset.PolicyGrain, wide), w.closed)
	for _, x := range w.dataset.Columns() {
		to := in.To
		if x == c {
			to = min(to, period)
		}
		if w.f.Rule.Related(w.dataset.ID, c, w.dataset.ID, x) {
			for at := in.From; at < to; at++ {
				out = append(out, earlier{Edition{Dataset: w.dataset.ID}, len(w.f.Settled), x, at})
			}
		}
		if x == c {
			break
		}
	}
	return out
}

// recordOf is what was kept of the version of an earlier source; the one that is
// published is at hand.
func (w *finding) recordOf(x earlier) (*Record, error) {
	if x.manifest == len(w.f.Settled) {
		return w.own, nil
	}
	return w.record(x.Edition)
}

// equal lists the classes that repeat an earlier version, by that version.
func (w *finding) equal(c disclosure.Column, period int64, same []disclosure.Bits) []catalog.EqualClasses {
	known := w.classes[:w.f.Rule.Tree().ClassesBy(w.own.Entities)] // that the version's entities make
	versions := disclosure.EqualVersions(known, same, func(v int, class int32) bool {
		s := w.f.version(w.before[v-1])
		x := s.Source(c, period)
		return x != nil && int(class) < s.Classes && x.Alone(class)
	})
	byVersion := map[int][]int32{}
	for class, v := range versions {
		if v > 0 && slices.ContainsFunc(w.classes[class], func(e int32) bool { return w.present(c, int(e), period) }) {
			at := w.before[v-1].Version
			byVersion[at] = append(byVersion[at], int32(class)) //nolint:gosec // classes are at most the rows of a registry
		}
	}
	var out []catalog.EqualClasses
	for _, v := range slices.Sorted(maps.Keys(byVersion)) {
		out = append(out, catalog.EqualClasses{Version: v, Classes: byVersion[v]})
	}
	return out
}

// present reports whether an entity has a cell in a source of the version.
func (w *finding) present(c disclosure.Column, entity int, period int64) bool {
	from, to := w.own.within(w.span(period))
	for p := from; p < to; p++ {
		if w.own.has(w.own.Column(c.Measure), entity, p) {
			return true
		}
	}
	return false
}
