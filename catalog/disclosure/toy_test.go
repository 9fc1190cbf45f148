package disclosure

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// toy is a family small enough to write down. A row is a period's readings of one
// measure, a character an entity: "." no cell, "?" a cell of an entity that does
// not count, any other its reading, where equal characters are equal readings.
// Blanks are left out.
type toy struct {
	t        *testing.T
	f        *Family
	sets     []*toySet
	quantity map[string]string // measure → what it measures, itself when missing
	attacker *attacker
	unknowns map[string]int
}

type toySet struct {
	Dataset
	versions []map[string][]string // measure → rows from period 0
	unpaired map[string]Bits       // version and two measures → entities, known when there
}

func newToy(t *testing.T, k int, attributes ...string) *toy {
	t.Helper()
	codes := make([][]uint32, len(attributes))
	order := []int{}
	entities := 0
	for a, text := range attributes {
		order = append(order, a)
		for _, c := range letters(text) {
			codes[a] = append(codes[a], uint32(c))
		}
		entities = len(codes[a])
	}
	tree, err := Grow(k, codes, order, entities)
	if err != nil {
		t.Fatal(err)
	}
	return &toy{t: t, f: NewFamily(tree), quantity: map[string]string{}, attacker: &attacker{}, unknowns: map[string]int{}}
}

func letters(text string) string { return strings.ReplaceAll(text, " ", "") }

func monthly(id string, measures ...string) Dataset {
	return Dataset{ID: id, Grain: calendar.Month, PolicyGrain: calendar.Month, Measures: measures}
}

func (w *toy) admit(d Dataset) *toySet {
	w.t.Helper()
	d.MinCohort = w.f.k
	if err := w.f.Admit(d); err != nil {
		w.t.Fatal(err)
	}
	s := &toySet{Dataset: d, unpaired: map[string]Bits{}}
	w.sets = append(w.sets, s)
	return s
}

func (s *toySet) row(version int, measure string, period int64) string {
	rows := s.versions[version-1][measure]
	if int(period) >= len(rows) {
		return ""
	}
	return letters(rows[period])
}

func (s *toySet) Cells(version int, measure string, period int64) (present, counts Bits) {
	for e, c := range s.row(version, measure, period) {
		if c != '.' {
			present = present.Set(e)
		}
		if c != '.' && c != '?' {
			counts = counts.Set(e)
		}
	}
	return present, counts
}

func (s *toySet) Unpaired(version int, a, b string, _ int64) (Bits, bool) {
	bits, known := s.unpaired[fmt.Sprint(version, a, b)]
	return bits, known
}

// reading is what an entity has of a column, "" for nothing.
func (w *toy) reading(s *toySet, version int, c Column, period int64, e int) string {
	a, b := c.factors()
	x, y := s.row(version, a.Measure, period), s.row(version, b.Measure, period)
	if e >= len(x) || e >= len(y) || x[e] == '.' || y[e] == '.' {
		return ""
	}
	name := func(m string) string {
		if q := w.quantity[m]; q != "" {
			return q
		}
		return m
	}
	first := fmt.Sprint(name(a.Measure), x[e:e+1], "@", period)
	if c.Plain() || y[e] == '1' { // a product with one
		return first
	}
	return fmt.Sprint(first, name(b.Measure), y[e:e+1])
}

// declare finds news and equal classes as an honest client does where all
// relations are "the same".
func (w *toy) declare(s *toySet, in *VersionInput) {
	for i, c := range s.Columns() {
		for p := in.Closed.From; p < in.Closed.To; p++ {
			if w.f.First(s.ID, c, p) {
				continue
			}
			n := SourceNews{Column: i, Period: p}
			_, counts := CellsOf(s, in.Version, c, p)
			counts.each(func(e int) {
				if !w.told(s, in.Version, i, c, p, e) {
					n.News = n.News.Set(e)
				}
			})
			n.Equal = w.equal(s, in.Version, c, p)
			in.News = append(in.News, n)
		}
	}
}

func (w *toy) told(s *toySet, version, column int, c Column, p int64, e int) bool {
	now := w.reading(s, version, c, p, e)
	for _, other := range w.sets {
		for v := range other.versions {
			for i, d := range other.Columns() {
				earlier := other != s || v+1 < version || i < column
				if earlier && w.reading(other, v+1, d, p, e) == now {
					return true
				}
			}
		}
	}
	return false
}

func (w *toy) equal(s *toySet, version int, c Column, p int64) []EqualClasses {
	var out []EqualClasses
	left := w.f.tree.numbers
	for v := version - 1; v > 0; v-- {
		source := s.source(w, v, c, p)
		if source == nil {
			continue
		}
		var same, rest []int32
		for _, class := range left {
			is := source.Alone(class) && !slices.ContainsFunc(w.f.tree.Members(class), func(e int32) bool {
				return w.reading(s, v, c, p, int(e)) != w.reading(s, version, c, p, int(e))
			})
			if is {
				same = append(same, class)
			} else {
				rest = append(rest, class)
			}
		}
		if len(same) > 0 {
			out = append([]EqualClasses{{v, same}}, out...)
		}
		left = rest
	}
	return out
}

func (s *toySet) source(w *toy, version int, c Column, p int64) *Source {
	if settled := w.f.member(s.ID).version(version); settled != nil {
		return settled.Source(c, p)
	}
	return nil
}

// rows are one measure's.
func rows(measure string, texts ...string) map[string][]string {
	return map[string][]string{measure: texts}
}

// publish settles a version and returns it.
func (w *toy) publish(s *toySet, content map[string][]string, change ...func(*VersionInput)) *Settled {
	w.t.Helper()
	settled, err := w.try(s, content, change...)
	if err != nil {
		w.t.Fatal(err)
	}
	return settled
}

func (w *toy) try(s *toySet, content map[string][]string, change ...func(*VersionInput)) (*Settled, error) {
	w.t.Helper()
	s.versions = append(s.versions, content)
	in := VersionInput{Version: len(s.versions), Entities: w.f.tree.Entities()}
	for _, texts := range content {
		in.Closed.To = max(in.Closed.To, int64(len(texts)))
	}
	w.declare(s, &in)
	for _, c := range change {
		c(&in)
	}
	settled, err := w.f.Settle(s.ID, in, s)
	if err != nil {
		s.versions = s.versions[:len(s.versions)-1]
		return nil, err
	}
	return settled, w.f.Add(s.ID, settled)
}

// learn hands the attacker the sum of a column over entities.
func (w *toy) learn(s *toySet, version int, c Column, p int64, members []int32) {
	form := map[int]uint64{}
	for _, e := range members {
		name := w.reading(s, version, c, p, int(e))
		if name == "" {
			continue
		}
		name = fmt.Sprint(e, " ", name)
		u, known := w.unknowns[name]
		if !known {
			u = len(w.attacker.entity)
			w.unknowns[name] = u
			w.attacker.entity = append(w.attacker.entity, int(e))
		}
		form[u]++
	}
	w.attacker.learn(form)
}

// isolated releases what every class, and every pair of them, may have as of
// every version, and all of them, and says who is told of among fewer than k.
func (w *toy) isolated() []int {
	n := w.f.tree.Classes()
	for _, s := range w.sets {
		for _, settled := range w.f.Versions(s.ID) {
			for _, c := range settled.Columns {
				for p := settled.Closed.From; p < settled.Closed.To; p++ {
					for mask := 1; mask < 1<<n; mask++ {
						groups := make([]int32, n)
						for class := range groups {
							groups[class] = int32(mask>>class&1) - 1
						}
						w.learnChosen(s, settled.Version, c, p, groups)
					}
				}
			}
		}
	}
	return w.attacker.isolates(w.f.k)
}

// learnChosen hands over the figure of a group.
func (w *toy) learnChosen(s *toySet, asOf int, c Column, p int64, groups []int32) {
	form := map[int]uint64{}
	keep := w.attacker
	w.attacker = &attacker{entity: keep.entity}
	for class, v := range w.f.Choose(s.ID, c, p, asOf, groups, nil) {
		if v != 0 {
			w.learn(s, int(v), c, p, w.f.tree.Members(int32(class)))
		}
	}
	for _, row := range w.attacker.rows {
		for _, x := range row {
			form[x.unknown] = addMod(form[x.unknown], x.coefficient)
		}
	}
	keep.entity, w.attacker = w.attacker.entity, keep
	w.attacker.learn(form)
}

// units of a source in a readable form: "0 1+2".
func unitsText(s *Source) string {
	var out []string
	for _, u := range s.Units() {
		var names []string
		for _, c := range u {
			names = append(names, fmt.Sprint(c))
		}
		out = append(out, strings.Join(names, "+"))
	}
	return strings.Join(out, " ")
}

// with is the rule with one condition replaced.
func with(change func(*conditions)) *conditions {
	r := theRule
	change(&r)
	return &r
}
