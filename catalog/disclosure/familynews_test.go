package disclosure

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// earlier is a comparable source.
type earlier struct {
	panel    *panel
	version  int
	column   Column
	period   int64
	manifest bool // of the same manifest: whether somebody was in a unit is not known yet
}

func (s *scenario) span(p *panel, period int64) calendar.Interval {
	return p.dataset.PolicyGrain.Span(period, s.truth.finest)
}

// comparable lists the comparable sources that settled before, in order: related, and
// of periods that overlap or are joined by a chain of overlapping ones.
func (s *scenario) comparable(p *panel, c Column, period int64, manifest []*earlier) []*earlier {
	var all []*earlier
	for _, o := range s.panels {
		for _, v := range s.family.Versions(o.dataset.ID) {
			for _, x := range v.Columns {
				if !s.family.Related(p.dataset.ID, c, o.dataset.ID, x) || s.unrelated && (p != o || c != x) {
					continue
				}
				for at := v.Closed.From; at < v.Closed.To; at++ {
					if v.Source(x, at) != nil {
						all = append(all, &earlier{panel: o, version: v.Version, column: x, period: at})
					}
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *earlier) int {
		return a.panel.editions[a.version-1].settled - b.panel.editions[b.version-1].settled
	})
	for _, x := range manifest {
		if s.family.Related(p.dataset.ID, c, p.dataset.ID, x.column) && (!s.unrelated || c == x.column) {
			all = append(all, x)
		}
	}
	// Periods nest: a chain leads as far as the widest period around.
	own := s.span(p, period)
	wide := own
	for _, x := range all {
		if at := s.span(x.panel, x.period); !s.literal && at.From <= wide.From && wide.To <= at.To {
			wide = at
		}
	}
	all = slices.DeleteFunc(all, func(x *earlier) bool {
		at := s.span(x.panel, x.period)
		return at.From >= wide.To || at.To <= wide.From
	})
	return all
}

// inUnit are the entities that were in a unit of a source. Of a source of the same
// manifest it is taken that all were: to declare too little is safe.
func (s *scenario) inUnit(x *earlier) Bits {
	var out Bits
	if x.manifest {
		for e := range s.entities {
			out = out.Set(e)
		}
		return out
	}
	for _, v := range s.family.Versions(x.panel.dataset.ID) {
		if v.Version != x.version {
			continue
		}
		for _, u := range v.Source(x.column, x.period).Units() {
			for _, e := range s.members(u) {
				out = out.Set(int(e))
			}
		}
	}
	return out
}

func (s *scenario) members(classes []int32) []int32 {
	var out []int32
	for _, c := range classes {
		out = append(out, s.family.Tree().Members(c)...)
	}
	return out
}

// news of the version that is being published, as its client finds it.
func (s *scenario) news(p *panel, c Column, period int64, manifest []*earlier) Bits {
	s.tb.Helper()
	list := s.comparable(p, c, period, manifest)
	if s.exact {
		return s.exactNews(p, c, period, list)
	}
	news, exact := s.foundNews(p, c, period, list), s.exactNews(p, c, period, list)
	s.reached["news by elimination"] += exact.Count()
	s.reached["news found"] += news.Count()
	s.reached["news found that is none"] += news.without(exact).Count()
	return news
}

// periods of the dataset in one of its policy.
func (p *panel) periods(period int64) int {
	span := p.dataset.PolicyGrain.Span(period, p.dataset.Grain)
	return int(span.To - span.From)
}

// freshOf are the entities of which at least half of a source's cells are new.
func (s *scenario) freshOf(p *panel, c Column, period int64) Bits {
	var out Bits
	for e, r := range s.readings(p, len(p.editions), c, period) {
		if r.fresh > 0 && 2*int(r.fresh) >= p.periods(period) {
			out = out.Set(e)
		}
	}
	return out
}

// exactNews are those whose reading is no combination of their earlier ones as forms of
// the unknowns.
func (s *scenario) exactNews(p *panel, c Column, period int64, list []*earlier) Bits {
	var news Bits
	own := s.readings(p, len(p.editions), c, period)
	units := make([]Bits, len(list))
	for i, x := range list {
		units[i] = s.inUnit(x)
	}
	for e, r := range own {
		if r.fresh == 0 || 2*int(r.fresh) < p.periods(period) {
			continue
		}
		index := map[int]int{}
		var rows [][]amount
		add := func(form map[int]uint64) {
			var row []amount
			for u, v := range form {
				at, known := index[u]
				if !known {
					at = len(index)
					index[u] = at
				}
				row = append(row, amount{at, v})
			}
			rows = append(rows, row)
		}
		for i, x := range list {
			if units[i].Has(e) {
				if all := s.readings(x.panel, x.version, x.column, x.period); e < len(all) {
					add(all[e].form)
				}
			}
		}
		n := len(rows)
		add(r.form)
		dense := make([][]uint64, len(rows))
		for i, row := range rows {
			dense[i] = make([]uint64, len(index))
			for _, x := range row {
				dense[i][x.unknown] = x.coefficient
			}
		}
		before := [][]uint64{}
		for _, row := range dense[:n] {
			before = append(before, slices.Clone(row))
		}
		if len(r.form) > 0 && rank(before) < rank(dense) {
			news = news.Set(e)
		}
	}
	return news
}

// foundNews asks FindNews with the numbers.
func (s *scenario) foundNews(p *panel, c Column, period int64, list []*earlier) Bits {
	s.tb.Helper()
	q := NewsQuestion{}
	index := map[string]int{}
	column := func(o *panel, x Column) int {
		key := fmt.Sprint(o.dataset.ID, x)
		at, known := index[key]
		if !known {
			at = len(q.Columns)
			index[key] = at
			n := NewsColumn{Measure: fmt.Sprint(x), Factor: x.Plain() && !c.Plain()}
			if x.Plain() && o.measures[o.measure(x.Measure)].declared {
				n.Num, n.Den = o.divisor(x), 1
			}
			q.Columns = append(q.Columns, n)
		}
		return at
	}
	source := func(o *panel, version int, x Column, at int64) NewsSource {
		out := NewsSource{Column: column(o, x), Period: s.span(o, at), Manifest: o.editions[version-1].settled, Periods: o.periods(at)}
		for _, r := range s.readings(o, version, x, at) {
			out.Sums, out.Cells = append(out.Sums, r.sum), append(out.Cells, r.cells)
		}
		return out
	}
	for _, x := range list {
		n := source(x.panel, x.version, x.column, x.period)
		n.InUnit = s.inUnit(x)
		q.Earlier = append(q.Earlier, n)
	}
	q.Source = source(p, len(p.editions), c, period)
	for _, r := range s.readings(p, len(p.editions), c, period) {
		q.New = append(q.New, r.fresh)
	}
	if c.Plain() {
		q.Totals = s.totals(q.Columns)
	}
	news, err := FindNews(q)
	if err != nil {
		s.tb.Fatal(err)
	}
	return news
}

// totals are the declared groups of three and more of which columns are among these.
func (s *scenario) totals(columns []NewsColumn) [][]int {
	var out [][]int
	for _, p := range s.panels {
		for _, group := range p.dataset.Related {
			if len(group) < 3 {
				continue
			}
			var found []int
			for i, c := range columns {
				for _, name := range group {
					if c.Measure == fmt.Sprint(Column{Measure: measureName(name)}) {
						found = append(found, i)
					}
				}
			}
			out = append(out, found)
		}
	}
	return out
}

func measureName(related string) string {
	for i := range related {
		if related[i] == '.' {
			return related[i+1:]
		}
	}
	return related
}
