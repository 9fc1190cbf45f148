package result

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/sql"
)

// readingsOf is a small dataset in the clear: readings of two measures in units of
// their last decimal, nil where there is none, by month and site.
type readingsOf struct {
	d       catalog.Descriptor
	first   int64
	sites   int
	cells   [2][][]*int64 // measure, month, site
	present [2]*bitset.BitSet
	old     bool // a version without companions
	noise   *catalog.Noise
}

func (r *readingsOf) Size() (measures, entities, periods int) { return 2, r.sites, len(r.cells[0]) }

func (r *readingsOf) Bits(measure int) *bitset.BitSet {
	if measure == plan.AnyMeasure {
		return r.present[0].Union(r.present[1])
	}
	return r.present[measure]
}

func readingsDescriptor() catalog.Descriptor {
	return catalog.Descriptor{Dataset: "d", Entity: "site", Grain: calendar.Month, Measures: []catalog.Measure{
		{Name: "x", Unit: "kg", Min: -50, Max: 1000, Decimals: 1, Squares: true, Buckets: []string{"0", "12.5", "99.9"}},
		{Name: "y", Unit: "m", Min: 0, Max: 77, Decimals: 2, Squares: true, Buckets: []string{"0.5"}},
	}}
}

func drawReadings(t *rapid.T) *readingsOf {
	r := &readingsOf{first: rapid.Int64Range(600, 640).Draw(t, "first"), sites: rapid.IntRange(1, 5).Draw(t, "sites")}
	r.d = readingsDescriptor()
	months := rapid.IntRange(1, 30).Draw(t, "months")
	density, flat := rapid.IntRange(0, 10).Draw(t, "density"), rapid.Bool().Draw(t, "flat")
	for m := range r.cells {
		r.present[m] = bitset.MustNew(uint(months * r.sites))
		value := rapid.Int64Range(r.d.Measures[m].Min, r.d.Measures[m].Max)
		if flat {
			value = rapid.Just(r.d.Measures[m].Max)
		}
		for p := range months {
			row := make([]*int64, r.sites)
			for e := range row {
				if rapid.IntRange(0, 9).Draw(t, "there") < density {
					v := value.Draw(t, "value")
					row[e] = &v
					r.present[m].Set(uint(p*r.sites + e))
				}
			}
			r.cells[m] = append(r.cells[m], row)
		}
	}
	return r
}

// input is what a client has when the nodes sealed the sums of a compiled query:
// one group a site, or a site and year.
func (r *readingsOf) input(c *sql.Compiled) (Input, error) {
	months := len(r.cells[0])
	v := catalog.Version{Version: 1, VersionPropose: catalog.VersionPropose{
		Dataset: "d", First: r.first, Periods: months, Entities: r.sites, Blocks: []catalog.Block{{First: 0, Entities: r.sites, Periods: 12}},
	}}
	v.Tiles = ((months-1)/12 + 1) * len(r.d.TileColumns())
	if r.old {
		v.Tiles = ((months-1)/12 + 1) * len(r.d.Measures)
	}
	verdict := catalog.Verdict{Dataset: "d", Version: 1, Layers: []catalog.Layer{{Version: 1, Entities: r.sites}}, Noise: r.noise}
	var assign []int32
	for e := range r.sites {
		verdict.EntityGroups = append(verdict.EntityGroups, catalog.EntityGroup{Values: []string{fmt.Sprintf("s%d", e)}, Of: 1})
		verdict.Parts = append(verdict.Parts, catalog.Part{Group: e, Class: -1})
		assign = append(assign, int32(e)) //nolint:gosec // few
	}
	verdict.Assign = assignment.Pack(assign)
	all := calendar.Interval{From: r.first, To: r.first + int64(months)}
	verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []calendar.Interval{all}}}
	if slices.ContainsFunc(c.Request.By, isPeriod) {
		verdict.PeriodGroups = nil
		for at := all.From; at < all.To; {
			year := calendar.Month.In(at, calendar.Year)
			to := min(all.To, calendar.Year.Span(year, calendar.Month).To)
			verdict.PeriodGroups = append(verdict.PeriodGroups, catalog.PeriodGroup{Value: calendar.Year.Format(year), Intervals: []calendar.Interval{{From: at, To: to}}})
			at = to
		}
	}
	for _, a := range c.Request.Select {
		for _, column := range a.Columns(r.d) {
			if !slices.Contains(verdict.Columns, column) {
				verdict.Columns = append(verdict.Columns, column)
			}
		}
	}
	in := Input{Descriptor: r.d, Layers: []plan.Layer{{Version: v, Presence: r}}, Verdict: verdict, Nodes: 2}
	var err error
	in.Plan, err = plan.NewPrivate(r.d, in.Layers, verdict)
	for _, column := range verdict.Columns {
		for e := range r.sites {
			for _, g := range verdict.PeriodGroups {
				in.Sums = append(in.Sums, r.columnSum(column, e, int(g.Intervals[0].From-r.first), int(g.Intervals[0].To-r.first)))
			}
		}
	}
	return in, err
}

func (r *readingsOf) measure(name string) int { return strings.Index("xy", name) }

// columnSum is a column by the words of catalog.Column.
func (r *readingsOf) columnSum(c catalog.Column, site, from, to int) (sum int64) {
	x := r.measure(c.Measure)
	for p := from; p < to; p++ {
		v := r.cells[x][p][site]
		if v == nil || c.With != "" && r.cells[r.measure(c.With)][p][site] == nil {
			continue
		}
		centred := *v - r.d.Measures[x].Mid()
		switch {
		case c.Bucket > 0:
			bounds := append(append([]int64{r.d.Measures[x].Min - 1}, r.d.Measures[x].BucketBounds()...), r.d.Measures[x].Max)
			centred = int64(b2i(*v > bounds[c.Bucket-1] && *v <= bounds[c.Bucket]))
		case c.Times != "":
			y := r.measure(c.Times)
			w := r.cells[y][p][site]
			if w == nil {
				continue
			}
			centred *= *w - r.d.Measures[y].Mid()
		}
		sum += centred
	}
	return sum
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tableOf compiles and makes the table.
func (r *readingsOf) tableOf(t rapid.TB, text string) *Table {
	t.Helper()
	c, err := sql.Compile(text, sql.Schema{Descriptor: r.d})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	in, err := r.input(c)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	table, err := NewTable(c, in)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return table
}

func mustCompileOn(t rapid.TB, text string, d catalog.Descriptor) *sql.Compiled {
	t.Helper()
	c, err := sql.Compile(text, sql.Schema{Descriptor: d})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
