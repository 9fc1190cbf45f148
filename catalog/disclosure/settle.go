package disclosure

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// Cells tells what is public of the cells of one dataset's versions, the one
// that settles included.
type Cells interface {
	// Cells are the entities that have any cell of the measure in a period of
	// the policy's grain in a version, and those that count there: have at least
	// half of the dataset's periods in it.
	Cells(version int, measure string, period int64) (present, counts Bits)
	// Unpaired are the entities that in some of the dataset's periods in it have
	// a cell of exactly one of the two measures; known is false when nobody told,
	// and then no product of them is released. It is asked only where the policy's
	// grain is coarser than the data's.
	Unpaired(version int, a, b string, period int64) (unpaired Bits, known bool)
}

// SourceNews is what a version declares of one of its sources beside presence
// (RELEASE.md section 2.4). A source without a declaration has no news, but where it
// is a first one.
type SourceNews struct {
	Column int   // index of Dataset.Columns
	Period int64 // of the policy's grain
	News   Bits  // entities with news; none for a first source, there who counts has news
	Equal  []EqualClasses
}

// EqualClasses are classes all of whose cells of a source equal those of an
// earlier version. The unit that each is by itself there, or that is chosen
// there, is chosen again; without one it makes no difference.
type EqualClasses struct {
	Version int
	Classes []int32 // ascending
}

// ReadNews are declared sources as the ledger carries them, in memory.
func ReadNews(list []catalog.SourceNews) []SourceNews {
	out := make([]SourceNews, len(list))
	for i, n := range list {
		out[i] = SourceNews{Column: n.Column, Period: n.Period, News: ReadBits(n.News)}
		for _, q := range n.Equal {
			out[i].Equal = append(out[i].Equal, EqualClasses(q))
		}
	}
	return out
}

// VersionInput is a version that goes live.
type VersionInput struct {
	Version  int               // greater than those before
	Entities int               // of the registry, as far as the version knows it
	Closed   calendar.Interval // periods of the policy's grain that are complete
	News     []SourceNews      // ascending (Column, Period)
}

// DeclarationError is what is wrong with the news that a version declares.
type DeclarationError struct {
	Code    string // one of the Declared… constants
	Column  int    // index of Dataset.Columns
	Period  int64
	Entity  int // −1 where none is meant
	Class   int // −1 where none is meant
	Version int // that a class is said to equal, or 0
}

// Codes of declaration errors.
const (
	DeclaredOrder    = "order"    // sources, versions or classes are not ascending, or not there
	DeclaredFirst    = "first"    // news or equal classes of a first source
	DeclaredCounts   = "counts"   // news of an entity that does not count
	DeclaredPair     = "pair"     // news of a square or product without news of a factor
	DeclaredPresence = "presence" // a class said to be equal has other cells
	DeclaredBoth     = "both"     // news of an entity of a class whose older unit is chosen
)

func (e *DeclarationError) Error() string {
	s := fmt.Sprintf("declared news of column %d, period %d: %s", e.Column, e.Period, e.Code)
	if e.Entity >= 0 {
		s += fmt.Sprintf(", entity %d", e.Entity)
	}
	if e.Class >= 0 {
		s += fmt.Sprintf(", class %d", e.Class)
	}
	if e.Version > 0 {
		s += fmt.Sprintf(", version %d", e.Version)
	}
	return s
}

// settling is a version that goes live.
type settling struct {
	f       *Family
	m       *member
	in      VersionInput
	cells   Cells
	out     *Settled
	columns []Column
	declare []SourceNews // those not yet taken
	shared  map[string]*partition
}

// Settle decides what a version that goes live leaves (RELEASE.md sections 2 and
// 4). The family does not change; Add puts the result into it. It returns a
// *DeclarationError for news that presence contradicts, and a *Conflict for a
// dataset that the family does not have, a version that is no new one, or
// periods that overlap earlier ones of related columns without nesting.
func (f *Family) Settle(dataset string, in VersionInput, cells Cells) (*Settled, error) {
	m := f.member(dataset)
	if m == nil {
		return nil, &Conflict{Code: ConflictUnknown, Dataset: dataset}
	}
	if n := len(m.versions); n > 0 && m.versions[n-1].Version >= in.Version || in.Version < 1 {
		return nil, &Conflict{Code: ConflictVersion, Dataset: dataset, Want: in.Version}
	}
	s := &settling{f: f, m: m, in: in, cells: cells, columns: m.dataset.Columns(), declare: in.News, shared: map[string]*partition{}}
	s.out = &Settled{
		Version: in.Version, Entities: in.Entities, Classes: f.tree.ClassesBy(in.Entities), Closed: in.Closed, Columns: s.columns,
	}
	if err := s.checkOrder(); err != nil {
		return nil, err
	}
	for i := range s.columns {
		for p := in.Closed.From; p < in.Closed.To; p++ {
			source, err := s.source(i, p)
			if err != nil {
				return nil, err
			}
			s.out.sources = append(s.out.sources, source)
		}
	}
	return s.out, nil
}

// checkOrder refuses declarations of sources that are not there or come twice.
func (s *settling) checkOrder() error {
	for i, n := range s.in.News {
		bad := n.Column < 0 || n.Column >= len(s.columns) || n.Period < s.in.Closed.From || n.Period >= s.in.Closed.To
		if i > 0 {
			before := s.in.News[i-1]
			bad = bad || cmp.Or(cmp.Compare(before.Column, n.Column), cmp.Compare(before.Period, n.Period)) >= 0
		}
		if bad || !n.News.below(s.in.Entities) {
			return &DeclarationError{Code: DeclaredOrder, Column: n.Column, Period: n.Period, Entity: -1, Class: -1}
		}
	}
	return nil
}

// source settles one source.
func (s *settling) source(column int, period int64) (*Source, error) {
	declared := SourceNews{Column: column, Period: period}
	if len(s.declare) > 0 && s.declare[0].Column == column && s.declare[0].Period == period {
		declared, s.declare = s.declare[0], s.declare[1:]
	}
	first, conflict := s.f.first(s.m, column, period)
	if conflict != nil {
		return nil, conflict
	}
	c := s.columns[column]
	present, counts := CellsOf(s.cells, s.in.Version, c, period)
	if !present.below(s.in.Entities) || !counts.within(present) {
		return nil, fmt.Errorf("cells of %v in period %d: of entities behind the last of %d, or who counts has none", c, period, s.in.Entities)
	}
	at := slices.Repeat([]int32{unitNone}, s.out.Classes)
	if err := s.checkNews(declared, first, counts); err != nil {
		return nil, err
	}
	out := &Source{news: s.f.rule.news(declared.News, counts, first)}
	if err := s.chooseEqual(declared, at, present, counts); err != nil {
		return nil, err
	}
	taking := s.taking(c, period, at, present)
	joined := s.f.units(at, taking, out.news, s.f.Cohort(s.m.dataset.ID, c))
	out.partition = s.share(&partition{at: at, joined: joined})
	return out, nil
}

// CellsOf are who has a cell of a column and who counts. A square or product has
// one where both measures have; in a class that takes part the two do not differ
// within a period (taking).
func CellsOf(cells Cells, version int, c Column, period int64) (present, counts Bits) {
	a, b := c.factors()
	present, counts = cells.Cells(version, a.Measure, period)
	if a == b {
		return present, counts
	}
	otherPresent, otherCounts := cells.Cells(version, b.Measure, period)
	return present.And(otherPresent), counts.And(otherCounts)
}

// checkNews compares the declared news with what follows from presence.
func (s *settling) checkNews(d SourceNews, first bool, counts Bits) error {
	wrong := func(code string, who Bits) error {
		e := &DeclarationError{Code: code, Column: d.Column, Period: d.Period, Entity: -1, Class: -1}
		who.each(func(i int) {
			if e.Entity < 0 {
				e.Entity = i
			}
		})
		return e
	}
	if first {
		if !d.News.empty() || len(d.Equal) > 0 {
			return wrong(DeclaredFirst, d.News)
		}
		return nil
	}
	if !d.News.within(counts) {
		return wrong(DeclaredCounts, d.News.without(counts))
	}
	c := s.columns[d.Column]
	if c.Plain() {
		return nil
	}
	// A pair of stages is new when one of the factors moved on in this version.
	a, b := c.factors()
	may := s.f.rule.pair(s.out.newsOf(a, d.Period).or(s.out.newsOf(b, d.Period)), counts)
	if !d.News.within(may) {
		return wrong(DeclaredPair, d.News.without(may))
	}
	return nil
}

// newsOf are the entities with news in a source, nobody where there is none.
func (s *Settled) newsOf(c Column, period int64) Bits {
	if source := s.Source(c, period); source != nil {
		return source.news
	}
	return nil
}

// chooseEqual takes over the units of older versions for the classes that are
// said to equal them.
func (s *settling) chooseEqual(d SourceNews, at []int32, present, counts Bits) error {
	c := s.columns[d.Column]
	last := 0
	for _, q := range d.Equal {
		wrong := func(code string, class, entity int) error {
			return &DeclarationError{Code: code, Column: d.Column, Period: d.Period, Entity: entity, Class: class, Version: q.Version}
		}
		older := s.m.version(q.Version)
		if q.Version <= last || older == nil || older.Source(c, d.Period) == nil {
			return wrong(DeclaredOrder, -1, -1)
		}
		last = q.Version
		there := older.Source(c, d.Period)
		wasPresent, wasCounts := CellsOf(s.cells, q.Version, c, d.Period)
		for i, class := range q.Classes {
			if class < 0 || int(class) >= len(at) || at[class] != unitNone || i > 0 && q.Classes[i-1] >= class {
				return wrong(DeclaredOrder, int(class), -1)
			}
			members := s.f.tree.Members(class)
			if !present.same(wasPresent, members) || !counts.same(wasCounts, members) {
				return wrong(DeclaredPresence, int(class), -1)
			}
			version := there.Chosen(class)
			if there.Alone(class) {
				version = q.Version
			}
			if !s.f.rule.equal(version > 0) || present.CountIn(members) == 0 {
				continue
			}
			if news := d.News.pick(members); len(news) > 0 {
				return wrong(DeclaredBoth, int(class), int(news[0]))
			}
			at[class] = int32(-1 - cmp.Or(version, q.Version))
		}
	}
	return nil
}

// taking are the classes that may be in a unit: those that have a cell, without
// the ones for which an older unit is chosen and, in squares and products, those
// that RELEASE.md section 4.4 leaves out.
func (s *settling) taking(c Column, period int64, at []int32, present Bits) []bool {
	out := make([]bool, len(at))
	present.each(func(e int) {
		if class := s.f.tree.Class(e); class >= 0 && int(class) < len(at) {
			out[class] = true
		}
	})
	if !c.Plain() {
		s.productTakes(c, period, at, out)
	}
	for class := range out {
		out[class] = out[class] && at[class] == unitNone
	}
	return out
}

// share returns the partition that was kept first of those equal to p.
func (s *settling) share(p *partition) *partition {
	b := make([]byte, 0, 2*len(p.at))
	for _, a := range p.at {
		b = appendUint(b, a+1<<30)
	}
	for _, unit := range p.joined {
		b = appendUint(b, unit...)
	}
	if same, known := s.shared[string(b)]; known && slices.EqualFunc(same.joined, p.joined, slices.Equal) {
		return same
	}
	s.shared[string(b)] = p
	return p
}
