package query

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
)

func joinedSchema() Schema {
	s := beijing()
	s.Join = &catalog.Descriptor{
		Dataset: "energy", Registry: "stations", Entity: "site", Grain: catalog.GrainHour,
		Measures: []catalog.Measure{{Name: "output", Unit: "CNY", Min: -5, Max: 100, Decimals: 2}, {Name: "Jobs", Unit: "1", Max: 9}},
	}
	return s
}

func TestJoinsCompile(t *testing.T) {
	product := catalog.Aggregate{Func: catalog.FuncProduct, Measure: "pm25", Other: "energy.output"}
	for sql, want := range map[string]catalog.Aggregate{
		"SELECT SUM(beijing_air.pm25 * energy.output) FROM beijing_air JOIN energy USING (entity, period)":                                      product,
		"select sum(y.OUTPUT * x.pm25) as p, count(*) from Beijing_Air as x join ENERGY as y using (period, station) where station = 'a'":       product,
		"SELECT period, SUM(x.pm10 * energy.\"Jobs\") FROM beijing_air AS x JOIN energy USING (entity, period) GROUP BY period ORDER BY 2 DESC": {Func: catalog.FuncProduct, Measure: "pm10", Other: "energy.Jobs"},
	} {
		c, err := Compile(sql, joinedSchema())
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if !slices.Contains(c.Request.Select, want) || c.Request.Join == nil || *c.Request.Join != (catalog.Join{Dataset: "energy"}) {
			t.Errorf("%s: request %+v", sql, c.Request)
		}
		again, err := Compile(Format(c, joinedSchema()), joinedSchema())
		if err != nil {
			t.Errorf("%s printed as %s: %v", sql, Format(c, joinedSchema()), err)
			continue
		}
		if again.Request.SQL = c.Request.SQL; cmp.Diff(c, again, requestAlone) != "" {
			t.Errorf("%s printed as %s: %s", sql, Format(c, joinedSchema()), cmp.Diff(c, again, requestAlone))
		}
	}
}

func TestFaultsOfJoinsHaveTheirPlaceAndWhatWouldBeAccepted(t *testing.T) {
	const tail = " FROM beijing_air AS x JOIN energy AS y USING (entity, period)"
	for sql, near := range map[string]string{
		"SELECT SUM(x.pm25)" + tail:                                                                     "SUM",
		"SELECT SUM(x.pm25 * x.pm10)" + tail:                                                            "x",
		"SELECT SUM(x.pm25 * y.nothing)" + tail:                                                         "nothing",
		"SELECT SUM(x.pm25 * z.output)" + tail:                                                          "z",
		"SELECT SUM(x.pm25 / y.output)" + tail:                                                          "SUM",
		"SELECT SUM(pm25 * output)" + tail:                                                              "pm25",
		"SELECT SUM(x.pm25 * y.output * y.output)" + tail:                                               "SUM",
		"SELECT AVG(x.pm25)" + tail:                                                                     "AVG",
		"SELECT COUNT(pm25)" + tail:                                                                     "COUNT",
		"SELECT SHARE_OF_TOTAL(SUM(x.pm25 * y.output))" + tail:                                          "SUM",
		"SELECT COUNT(*) FROM beijing_air JOIN energy USING (entity)":                                   "entity",
		"SELECT COUNT(*) FROM beijing_air JOIN energy USING (entity, entity)":                           "entity",
		"SELECT COUNT(*) FROM beijing_air JOIN energy USING (entity, pm25)":                             "pm25",
		"SELECT COUNT(*) FROM beijing_air JOIN energy":                                                  "",
		"SELECT COUNT(*) FROM beijing_air JOIN energi USING (entity, period)":                           "energi",
		"SELECT COUNT(*) FROM beijing_air AS energy JOIN energy USING (entity, period)":                 "energy",
		"SELECT COUNT(*) FROM beijing_air AS a":                                                         "a",
		"SELECT SUM(a.pm25) FROM beijing_air":                                                           ".",
		"SELECT date_trunc('day', period.x), COUNT(*)" + tail + " GROUP BY date_trunc('day', period.x)": "period",
		"SELECT x.county, COUNT(*)" + tail:                                                              ".",
	} {
		fault := faultOf(t, sql, joinedSchema())
		checkPlace(t, sql, fault)
		if fault.Near != near || fault.Want == "" || fault.Message == "" {
			t.Errorf("%s: %+v, want it at %q", sql, fault, near)
		}
	}
	if _, _, err := JoinedDatasets("SELECT COUNT(*) FROM a JOIN c USING (entity, period)", []string{"a", "b"}); !strings.Contains(fmt.Sprint(err), "there is no dataset c") {
		t.Errorf("got %v", err)
	}
	first, second, err := JoinedDatasets("SELECT COUNT(*) FROM A JOIN b USING (entity, period)", []string{"a", "b"})
	if first != "a" || second != "b" || err != nil {
		t.Errorf("%q, %q, %v", first, second, err)
	}
}

// drawJoin draws two panels, laid out each in its own way and beginning at its own
// period, and a verdict on products of them.
func drawJoin(t *rapid.T) (a, b *panel, verdict catalog.Verdict) {
	a, b = drawPanel(t), drawPanel(t)
	b.descriptor.Dataset, b.version.Dataset = "e", "e"
	shift := rapid.Int64Range(-30, 30).Draw(t, "shift")
	b.version.First = a.version.First + shift
	a.verdict.Join = &catalog.JoinedRelease{Dataset: "e", Release: 3}
	a.verdict.Columns = []catalog.Column{{Measure: "m0", Times: "e.m0"}}
	if len(b.descriptor.Measures) > 1 {
		a.verdict.Columns = append(a.verdict.Columns, catalog.Column{Measure: "m0", Times: "e.m1"})
	}
	a.verdict.Exclusions = slices.DeleteFunc(a.verdict.Exclusions, func(e catalog.Exclusion) bool { return e.Column >= len(a.verdict.Columns) })
	return a, b, a.verdict
}

// joinTruth multiplies and counts by plain loops.
func joinTruth(a, b *panel) (sums, counts []int64) {
	groups := a.groups()
	sums, counts = make([]int64, len(groups)*len(a.verdict.Columns)), make([]int64, len(groups)*len(a.verdict.Columns))
	for c, column := range a.verdict.Columns {
		other := slices.IndexFunc(b.descriptor.Measures, func(m catalog.Measure) bool { return "e."+m.Name == column.Times })
		for i, x := range a.values[0] {
			e, p := i%a.version.Entities, i/a.version.Entities
			q := int(a.version.First + int64(p) - b.version.First)
			g := a.number(groups, c, e, p)
			if g < 0 || q < 0 || q >= b.version.Periods || e >= b.version.Entities {
				continue
			}
			at := q*b.version.Entities + e
			if a.present[0].Test(uint(i)) && b.present[other].Test(uint(at)) {
				sums[c*len(groups)+g] += (x + a.descriptor.Measures[0].Mid()) * (b.values[other][at] + b.descriptor.Measures[other].Mid())
				counts[c*len(groups)+g]++
			}
		}
	}
	return sums, counts
}

// TestPlansOfJoinsMultiplyTheCellsThatBothHave whatever the two layouts are, each once,
// and open no tile that has none of them. The table made of it shows the sums.
func TestPlansOfJoinsMultiplyTheCellsThatBothHave(t *testing.T) {
	multiplied := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b, verdict := drawJoin(t)
		first, second := Side{a.descriptor, a.version, a}, Side{b.descriptor, b.version, b}
		p, err := NewJoinPlan(first, second, verdict)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]int64, p.Width)
		used := make([]bool, len(p.Singles))
		for _, x := range p.Products {
			l, r := p.Singles[x.Left], p.Singles[x.Right]
			if l.Second || !r.Second {
				t.Fatalf("product %+v of %+v and %+v", x, l, r)
			}
			left, right := a.tile(l.Packed, l.Block, l.Tile), b.tile(r.Packed, r.Block, r.Tile)
			addLeft, addRight := p.Mids(x)
			for slot, g := range p.SlotMaps[x.SlotMap] {
				if g < 0 {
					continue
				}
				if partner, ok := p.Partner(x, slot); ok {
					got[x.Column*len(p.Groups)+int(g)] += (left[slot] + addLeft) * (right[partner] + addRight)
					used[x.Left], used[x.Right] = true, true
					multiplied++
				}
			}
		}
		want, counts := joinTruth(a, b)
		if d := cmp.Diff(want, got, cmp.Comparer(slices.Equal[[]int64])); d != "" {
			t.Fatalf("(-plain loops +plan)\n%s", d)
		}
		if slices.Contains(used, false) || int64(len(used)) != p.Tiles+p.SecondTiles {
			t.Fatalf("of %d tiles that are opened some are not multiplied: %v", len(used), used)
		}
		bound, err := NewJoinPlan(Side{a.descriptor, a.version, nil}, Side{b.descriptor, b.version, nil}, verdict)
		if err != nil || bound.Tiles < p.Tiles || bound.SecondTiles < p.SecondTiles {
			t.Fatalf("the bound opens %d and %d tiles, the plan %d and %d: %v", bound.Tiles, bound.SecondTiles, p.Tiles, p.SecondTiles, err)
		}
		both := catalog.JoinDescriptors(a.descriptor, b.descriptor)
		if p.Magnitude(both).Cmp(bound.Magnitude(both)) > 0 {
			t.Fatalf("the bound's magnitude is %s, the plan's %s", bound.Magnitude(both), p.Magnitude(both))
		}
		checkJoinTable(t, first, second, p, verdict, want, counts)
	})
	if multiplied == 0 {
		t.Error("nothing was multiplied")
	}
}

// checkJoinTable makes the table, and one of a sum that cannot be.
func checkJoinTable(t *rapid.T, first, second Side, p *Plan, verdict catalog.Verdict, sums, counts []int64) {
	t.Helper()
	presence, err := JoinPresence(first, second)
	if err != nil {
		t.Fatal(err)
	}
	c := Compiled{Request: catalog.Request{By: []catalog.Dimension{{Kind: catalog.DimAttribute, Column: "g"}, {Kind: catalog.DimAttribute, Column: "h"}, {Kind: catalog.DimPeriod, Grain: catalog.GrainMonth}},
		Join: &catalog.Join{Dataset: "e"}, Select: []catalog.Aggregate{{Func: catalog.FuncProduct, Measure: "m0", Other: "e.m0"}, {Func: fnCount}}},
		Output: []Output{{Name: "p", Kind: OutputAggregate, Form: formProduct, Argument: "m0"}, {Name: "n", Kind: OutputAggregate, Index: 1}}}
	in := Input{Descriptor: catalog.JoinDescriptors(first.Descriptor, second.Descriptor), Version: first.Version, Verdict: verdict, Plan: p, Presence: presence, Sums: sums, Nodes: 2}
	table, err := c.Table(in)
	if err != nil {
		t.Fatal(err)
	}
	var shown, want []string
	for _, row := range table.Rows {
		if row[0] != nil {
			shown = append(shown, row[0].(string))
		}
	}
	places := first.Descriptor.Measures[0].Decimals + second.Descriptor.Measures[0].Decimals
	for g := range p.Groups {
		if counts[g] > 0 {
			want = append(want, ratOf(big.NewInt(sums[g]), places).FloatString(places))
		}
	}
	slices.Sort(shown)
	slices.Sort(want)
	if !slices.Equal(shown, want) {
		t.Fatalf("the table shows %v, want %v", shown, want)
	}
	for g := range p.Groups {
		in.Sums = slices.Clone(sums)
		in.Sums[g] += (counts[g] + 1) * (in.Descriptor.Measures[0].Reach()*second.Descriptor.Measures[0].Reach() + 1) * 2
		_, err := c.Table(in)
		var impossible *CheckError
		if !errors.As(err, &impossible) {
			t.Fatalf("a sum beyond what %d cells can give was shown: %v", counts[g], err)
		}
	}
}

func TestPlansOfJoinsAreOfTheVerdictsDatasets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, verdict := drawJoin(t)
		first, second := Side{a.descriptor, a.version, a}, Side{b.descriptor, b.version, b}
		p, err := NewJoinPlan(first, second, verdict)
		if err != nil {
			t.Fatal(err)
		}
		other := second
		other.Version.Version++
		if _, err := NewJoinPlan(first, other, verdict); err == nil {
			t.Fatal("planned with another version than the verdict's")
		}
		alone := verdict
		alone.Join = nil
		if _, err := NewJoinPlan(first, second, alone); err == nil {
			t.Fatal("planned a verdict on one dataset with two")
		}
		if _, err := NewPrivatePlan(catalog.JoinDescriptors(a.descriptor, b.descriptor), a.version, verdict, a); err == nil {
			t.Fatal("planned a verdict on two datasets with one")
		}
		moved := second
		moved.Version.First++
		if q, err := NewJoinPlan(first, moved, verdict); err != nil || q.Digest() == p.Digest() {
			t.Fatalf("the digest does not tell where the second version begins: %v", err)
		}
	})
}
