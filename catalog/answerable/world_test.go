package answerable

import (
	"math/rand/v2"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
)

// world is a family of one dataset that is small enough for plain loops.
type world struct {
	t          *testing.T
	family     *disclosure.Family
	descriptor catalog.Descriptor
	attributes []Attribute
	// readings[version-1][measure][period][entity]; 0: no reading.
	readings []map[string][][]int64
}

func newWorld(t *testing.T, d catalog.Descriptor, attributes []Attribute, entities int) *world {
	t.Helper()
	var names []string
	var codes [][]uint32
	for _, a := range attributes {
		names, codes = append(names, a.Name), append(codes, a.Codes)
	}
	order, err := disclosure.Order(d.Policy.Cubes, names)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := disclosure.Grow(d.Policy.MinCohort, codes, order, entities)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, family: disclosure.NewFamily(tree), descriptor: d, attributes: attributes}
	if err := w.family.Admit(disclosure.DatasetOf(d)); err != nil {
		t.Fatal(err)
	}
	return w
}

// descriptor is of monthly measures.
func descriptor(k int, cubes [][]string, measures ...string) catalog.Descriptor {
	d := catalog.Descriptor{Dataset: "d", Grain: calendar.Month}
	d.Policy = catalog.Policy{Grain: calendar.Month, MinCohort: k, Cubes: cubes}
	for _, m := range measures {
		d.Measures = append(d.Measures, catalog.Measure{Name: m})
	}
	return d
}

// attribute is one whose values are the letters of a text.
func attribute(name, text string) Attribute {
	a := Attribute{Name: name}
	at := map[rune]uint32{}
	for _, c := range text {
		if _, known := at[c]; !known {
			at[c] = uint32(len(a.Values))
			a.Values = append(a.Values, string(c))
		}
		a.Codes = append(a.Codes, at[c])
	}
	return a
}

func (w *world) Cells(version int, measure string, period int64) (present, counts disclosure.Bits) {
	if rows := w.readings[version-1][measure]; int(period) < len(rows) {
		for e, v := range rows[period] {
			if v != 0 {
				present = present.Set(e)
			}
		}
	}
	return present, present
}

func (w *world) Unpaired(int, string, string, int64) (disclosure.Bits, bool) { return nil, false }

// publish settles a version; who differs from the version before has news.
func (w *world) publish(readings map[string][][]int64) {
	w.t.Helper()
	w.readings = append(w.readings, readings)
	version := len(w.readings)
	in := disclosure.VersionInput{Version: version, Entities: w.family.Tree().Entities()}
	for i, c := range disclosure.Columns(w.descriptor) {
		rows := readings[c.Measure]
		in.Closed.To = int64(len(rows))
		for p, row := range rows {
			n := disclosure.SourceNews{Column: i, Period: int64(p)}
			if w.family.First("d", c, int64(p)) {
				continue
			}
			for e, v := range row {
				if v != 0 && w.isNew(c, version, p, e) {
					n.News = n.News.Set(e)
				}
			}
			in.News = append(in.News, n)
		}
	}
	s, err := w.family.Settle("d", in, w)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.family.Add("d", s); err != nil {
		w.t.Fatal(err)
	}
}

// isNew reports whether any factor of a column differs from the version before.
func (w *world) isNew(c disclosure.Column, version, period, entity int) bool {
	changed := version == 1
	for _, m := range []string{c.Measure, c.With} {
		if m == "" {
			continue
		}
		now := w.readings[version-1][m][period][entity]
		if now == 0 {
			return false
		}
		if version > 1 {
			before := w.readings[version-2][m]
			changed = changed || period >= len(before) || before[period][entity] != now
		}
	}
	return changed
}

func (w *world) facts() Facts {
	return Facts{
		Family: w.family, Descriptor: w.descriptor, AsOf: len(w.readings), Cells: w, Attributes: w.attributes,
		Sums: func(measure string, period int64) []int64 { return w.readings[len(w.readings)-1][measure][period] },
	}
}

func (w *world) report() *Report {
	w.t.Helper()
	out, err := Of(w.facts())
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// drawn is a world with missing readings, and corrections of some in a second version.
func drawn(t *testing.T, seed uint64) *world {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test
	entities := 8 + r.IntN(25)
	letters := func(n int) string {
		text := ""
		for range entities {
			text += string(rune('a' + r.IntN(n)))
		}
		return text
	}
	d := descriptor(2+r.IntN(2), [][]string{{"county"}, {"industry"}}, "x", "y")
	if r.IntN(2) == 0 {
		d.Policy.Moments = [][2]string{{"x", "y"}}
	}
	w := newWorld(t, d, []Attribute{attribute("county", letters(3)), attribute("industry", letters(3)), attribute("size", letters(2))}, entities)
	first, second := map[string][][]int64{}, map[string][][]int64{}
	for _, m := range d.MeasureNames() {
		for range 3 {
			row := make([]int64, entities)
			for e := range row {
				if r.IntN(8) > 0 {
					row[e] = 1 + r.Int64N(1000)
				}
			}
			first[m] = append(first[m], row)
			next := append([]int64{}, row...)
			for e := range next {
				if r.IntN(4) == 0 {
					next[e] = 1 + r.Int64N(1000)
				}
			}
			second[m] = append(second[m], next)
		}
	}
	w.publish(first)
	if r.IntN(3) > 0 {
		w.publish(second)
	}
	return w
}
