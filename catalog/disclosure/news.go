package disclosure

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// NewsColumn is a column of the sources that FindNews holds against each other. All
// columns of one question are related.
type NewsColumn struct {
	Measure  string // columns of one name tell of one quantity
	Decimals int    // of its readings, 0 to 9
	// Num/Den times a reading is in the unit that all columns share, where the
	// publisher declares it; zero: undeclared, the commonest ratio is taken.
	Num, Den int64
	// Factor: the column is a factor of the product that is to be published; nothing
	// but a fixed multiple of it is looked for.
	Factor bool
}

// NewsSource is a source with the readings that its publisher keeps. Entities beyond
// the end of a slice have no cell.
type NewsSource struct {
	Column   int               // index of NewsQuestion.Columns
	Period   calendar.Interval // in periods of the finest grain of all comparable sources
	Manifest int               // order in the ledger; sources of one manifest share it
	Periods  int               // the dataset's periods in Period
	Sums     []int64           // per entity: sum of its cells, in units of 10^-Decimals
	Cells    []int32           // per entity: how many cells that is, 0: no reading
	InUnit   Bits              // entities that were in a unit of this source
}

// NewsQuestion asks which entities have news in a source.
type NewsQuestion struct {
	Columns []NewsColumn
	// Totals are groups of columns, declared as related, one of which may be the sum
	// of others of the group.
	Totals [][]int
	// Earlier are the comparable earlier sources (RELEASE.md section 2.2) in the order in
	// which they settled, and then those of the same version that settle before this
	// one, with everybody in a unit, for it is not settled yet who is.
	Earlier []NewsSource
	Source  NewsSource // the one to be published; InUnit is not read
	New     []int32    // per entity: its cells in Source that are in no earlier version of the column
}

// FindNews returns the entities that have news in a source (RELEASE.md
// section 2.3): at least half of the dataset's periods in it are new cells of the entity,
// and its reading is no fixed combination of its readings in comparable earlier sources
// in which it was in a unit.
//
// Combinations are found on the values: two readings are the same, one is a multiple of
// the other, a coarser one is the sum or the mean of finer ones, a total is the sum of
// its parts. Each such equation that holds for an entity, between whichever versions,
// counts, and so does what was never published and shows as the same rest of two
// equations. Then the reading is tested against all of the entity's earlier readings
// together, by elimination: the last month of a year whose total is known follows from
// the eleven others, and a year's correction from the month's. Where units differ,
// equations hold up to the rounding of the readings. Declaring too little is safe, so an
// equation that holds by chance costs news and nothing else.
//
// Of a square or product, whose cells are new where the pair of its factors' cells is,
// the caller keeps those with news in one of the factors (Settle refuses others). Its
// factors' sources of the same period are among the earlier ones, marked: a fixed multiple
// of either is no news, be it a square of 0 and 1 or a product with a constant.
//
// It is the publisher's client that runs it. It fails when lengths contradict each
// other and when declared units are too far apart to be compared in integers.
func FindNews(q NewsQuestion) (Bits, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	var news Bits
	f, err := newFinder(&q)
	if err != nil {
		return nil, err
	}
	for e := range q.Source.Sums {
		if q.Source.Cells[e] == 0 || q.New[e] == 0 || 2*int(q.New[e]) < q.Source.Periods {
			continue
		}
		if !f.follows(e) {
			news = news.Set(e)
		}
	}
	return news, nil
}

func (q *NewsQuestion) check() error {
	entities := len(q.Source.Sums)
	if len(q.Source.Cells) != entities || len(q.New) != entities {
		return fmt.Errorf("readings of %d entities, cells of %d, new cells of %d; all must be of the same", entities, len(q.Source.Cells), len(q.New))
	}
	for i, c := range q.Columns {
		if c.Decimals < 0 || c.Decimals > 9 || (c.Den == 0) != (c.Num == 0) || c.Num < 0 || c.Den < 0 {
			return fmt.Errorf("column %d: %d decimals and the unit %d/%d; 0 to 9 and a positive ratio are possible", i, c.Decimals, c.Num, c.Den)
		}
	}
	for i, s := range append(slices.Clone(q.Earlier), q.Source) {
		if s.Column < 0 || s.Column >= len(q.Columns) || s.Period.From >= s.Period.To || s.Periods < 1 || len(s.Sums) != len(s.Cells) {
			return fmt.Errorf("source %d: column %d of %d, period %v of %d of the dataset's, readings of %d entities and cells of %d",
				i, s.Column, len(q.Columns), s.Period, s.Periods, len(s.Sums), len(s.Cells))
		}
	}
	for _, group := range q.Totals {
		for _, c := range group {
			if c < 0 || c >= len(q.Columns) {
				return fmt.Errorf("a total of column %d, there are %d", c, len(q.Columns))
			}
		}
	}
	return nil
}

// EqualVersions returns for each class the newest earlier version in which it is a unit
// by itself and all of whose cells of a source's column and period it repeats, or 0
// (RELEASE.md section 2.4: what a version declares beside news). same[i] are the entities all
// of whose cells in version i+1 are as in the new one, absent ones included; alone tells
// whether a class is a unit by itself in an earlier version.
func EqualVersions(classes [][]int32, same []Bits, alone func(version int, class int32) bool) []int {
	out := make([]int, len(classes))
	for c, members := range classes {
		for v := len(same); v > 0 && out[c] == 0; v-- {
			if alone(v, int32(c)) && same[v-1].CountIn(members) == len(members) {
				out[c] = v
			}
		}
	}
	return out
}

// reading is a value that one slot had for an entity, in one or more versions.
type reading struct {
	sum      int64
	cells    int32
	released bool // it was in a unit in one of them
}

// slot is a column in a period.
type slot struct {
	column  int
	period  calendar.Interval
	sources []int // indexes, ascending; len(Earlier) is the source asked about
}

// finder holds what does not depend on the entity.
type finder struct {
	q         *NewsQuestion
	slots     []slot
	asked     int // slot of the source asked about
	equations []equation
	found     map[[2]int][]fraction // ratios of two columns
	common    map[[2]int]fraction   // the commonest, den 0 where there is none
	guess     fraction              // ratio of two columns of which nothing tells it
}

func newFinder(q *NewsQuestion) (*finder, error) {
	f := &finder{q: q}
	for i := range len(q.Earlier) + 1 {
		s := f.source(i)
		at := slices.IndexFunc(f.slots, func(x slot) bool { return x.column == s.Column && x.period == s.Period })
		if at < 0 {
			at = len(f.slots)
			f.slots = append(f.slots, slot{column: s.Column, period: s.Period})
		}
		f.slots[at].sources = append(f.slots[at].sources, i)
		f.asked = at // the last one stays
	}
	if err := f.findEquations(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *finder) source(i int) *NewsSource {
	if i == len(f.q.Earlier) {
		return &f.q.Source
	}
	return &f.q.Earlier[i]
}

// reading of an entity in a source; none where cells is 0.
func (f *finder) reading(i, e int) reading {
	s := f.source(i)
	if e >= len(s.Cells) || s.Cells[e] == 0 {
		return reading{}
	}
	known := f.q.Columns[s.Column].Factor || s.InUnit.Has(e)
	return reading{s.Sums[e], s.Cells[e], i < len(f.q.Earlier) && known}
}

// newest reading of an entity in a slot up to a manifest.
func (f *finder) newest(s, e, manifest int) reading {
	var out reading
	for _, i := range f.slots[s].sources {
		if f.source(i).Manifest <= manifest {
			out = f.reading(i, e)
		}
	}
	return out
}

// history is what an entity had in each slot: distinct values, and in one of them no
// value where a version had none (cells 0).
type history struct {
	entity int
	slots  [][]reading
	first  []int // number of each slot's first element; the last is the count
	asked  int   // element of the source asked about
}

func (f *finder) history(e int) history {
	h := history{entity: e, slots: make([][]reading, len(f.slots)), first: make([]int, len(f.slots)+1)}
	for s, x := range f.slots {
		for _, i := range x.sources {
			r := f.reading(i, e)
			at := slices.IndexFunc(h.slots[s], func(y reading) bool { return y.sum == r.sum && y.cells == r.cells })
			if at < 0 {
				at = len(h.slots[s])
				h.slots[s] = append(h.slots[s], r)
			} else if r.released {
				h.slots[s][at].released = true
			}
			if i == len(f.q.Earlier) {
				h.asked = at
			}
		}
		h.first[s+1] = h.first[s] + len(h.slots[s])
	}
	h.asked += h.first[f.asked]
	return h
}

// element is the number of the i-th reading of slot s.
func (h *history) element(s, i int) int { return h.first[s] + i }

// follows reports whether an entity's reading is a fixed combination of its earlier
// ones.
func (f *finder) follows(e int) bool {
	asked := f.reading(len(f.q.Earlier), e)
	for _, i := range f.slots[f.asked].sources {
		if r := f.reading(i, e); r.released && r.sum == asked.sum {
			return true
		}
	}
	if len(f.equations) == 0 {
		return false
	}
	h := f.history(e)
	var rows []row
	for i := range f.equations {
		if q := &f.equations[i]; q.has(f.asked) {
			options, partly := f.options(q, &h)
			if partly {
				return true // in doubt no news
			}
			rows = q.rows(&h, options, rows)
		}
	}
	if !slices.ContainsFunc(rows, func(r row) bool { return r.at(h.asked) != 0 }) {
		return false
	}
	for i := range f.equations {
		if q := &f.equations[i]; !q.has(f.asked) {
			options, _ := f.options(q, &h)
			rows = q.rows(&h, options, rows)
		}
	}
	return h.determined(rows)
}

// determined reports whether the equations leave the element asked about no freedom
// once everything released is known: whether they span it modulo the released ones.
func (h *history) determined(rows []row) bool {
	free := make([]int, h.first[len(h.slots)]) // element → column, the one asked about last
	n := 0
	for s, readings := range h.slots {
		for i, r := range readings {
			at := h.element(s, i)
			free[at] = -1
			if !r.released && at != h.asked {
				free[at] = n
				n++
			}
		}
	}
	free[h.asked] = n
	matrix := make([][]uint64, len(rows))
	for i, r := range rows {
		matrix[i] = make([]uint64, n+1)
		for _, t := range r {
			if c := free[t.element]; c >= 0 {
				matrix[i][c] = addMod(matrix[i][c], t.coefficient)
			}
		}
	}
	// A row of the echelon form whose first entry is the last column is that element.
	return echelon(matrix)[n] >= 0
}
