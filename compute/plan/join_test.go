package plan_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
)

// drawJoin draws two panels, laid out each in its own way and beginning at its own
// period, and a verdict on products of them.
func drawJoin(t *rapid.T) (a, b *plantest.Panel, verdict catalog.Verdict) {
	a, b = plantest.DrawPanel(t), plantest.DrawPanel(t)
	b.Descriptor.Dataset, b.Version.Dataset = "e", "e"
	shift := rapid.Int64Range(-30, 30).Draw(t, "shift")
	b.Version.First = a.Version.First + shift
	a.Verdict.Join = &catalog.JoinedVersion{Dataset: "e", Version: 3}
	a.Verdict.Columns = []catalog.Column{{Measure: "m0", Times: "e.m0"}}
	if len(b.Descriptor.Measures) > 1 {
		a.Verdict.Columns = append(a.Verdict.Columns, catalog.Column{Measure: "m0", Times: "e.m1"})
	}
	a.Verdict.Layers[0].Exclusions = slices.DeleteFunc(a.Verdict.Layers[0].Exclusions, func(e catalog.Exclusion) bool { return e.Column >= len(a.Verdict.Columns) })
	return a, b, a.Verdict
}

// joinTruth multiplies and counts by plain loops.
func joinTruth(a, b *plantest.Panel) (sums, counts []int64) {
	groups := a.Groups()
	sums, counts = make([]int64, len(groups)*len(a.Verdict.Columns)), make([]int64, len(groups)*len(a.Verdict.Columns))
	for c, column := range a.Verdict.Columns {
		other := slices.IndexFunc(b.Descriptor.Measures, func(m catalog.Measure) bool { return "e."+m.Name == column.Times })
		for i, x := range a.Values[0] {
			e, p := i%a.Version.Entities, i/a.Version.Entities
			q := int(a.Version.First + int64(p) - b.Version.First)
			g := a.Number(groups, c, e, p)
			if g < 0 || q < 0 || q >= b.Version.Periods || e >= b.Version.Entities {
				continue
			}
			at := q*b.Version.Entities + e
			if a.Present[0].Test(uint(i)) && b.Present[other].Test(uint(at)) {
				sums[c*len(groups)+g] += (x + a.Descriptor.Measures[0].Mid()) * (b.Values[other][at] + b.Descriptor.Measures[other].Mid())
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
		first, second := plan.Side{Descriptor: a.Descriptor, Version: a.Version, Presence: a}, plan.Side{Descriptor: b.Descriptor, Version: b.Version, Presence: b}
		p, err := plan.NewJoin([]plan.Pair{{first, second}}, verdict)
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
			left, right := a.Tile(l.Packed, l.Block, l.Tile), b.Tile(r.Packed, r.Block, r.Tile)
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
		bound, err := plan.NewJoin([]plan.Pair{{plan.Side{Descriptor: a.Descriptor, Version: a.Version}, plan.Side{Descriptor: b.Descriptor, Version: b.Version}}}, verdict)
		if err != nil || bound.Tiles < p.Tiles || bound.SecondTiles < p.SecondTiles {
			t.Fatalf("the bound opens %d and %d tiles, the plan %d and %d: %v", bound.Tiles, bound.SecondTiles, p.Tiles, p.SecondTiles, err)
		}
		both := catalog.JoinDescriptors(a.Descriptor, b.Descriptor)
		if p.Explain(both).Magnitude.Cmp(bound.Explain(both).Magnitude) > 0 {
			t.Fatalf("the bound's magnitude is %s, the plan's %s", bound.Explain(both).Magnitude, p.Explain(both).Magnitude)
		}
		checkJoinTable(t, first, second, p, verdict, want, counts)
	})
	if multiplied == 0 {
		t.Error("nothing was multiplied")
	}
}

// checkJoinTable makes the table, and one of a sum that cannot be.
func checkJoinTable(t *rapid.T, first, second plan.Side, p *plan.Plan, verdict catalog.Verdict, sums, counts []int64) {
	t.Helper()
	presence, err := plan.JoinPresence(first, second)
	if err != nil {
		t.Fatal(err)
	}
	c := &sql.Compiled{Request: catalog.Request{By: []catalog.Dimension{{Kind: catalog.DimAttribute, Column: "g"}, {Kind: catalog.DimAttribute, Column: "h"}, {Kind: catalog.DimPeriod, Grain: calendar.Month}},
		Join: &catalog.Join{Dataset: "e"}, Select: []catalog.Aggregate{{Func: catalog.FuncProduct, Measure: "m0", Other: "e.m0"}, {Func: catalog.FuncCount}}},
		Output: []sql.Output{{Name: "p", Kind: sql.OutputAggregate, Form: aggregate.FormProduct, Argument: "m0"}, {Name: "n", Kind: sql.OutputAggregate, Index: 1}}}
	in := result.Input{Descriptor: catalog.JoinDescriptors(first.Descriptor, second.Descriptor), Layers: []plan.Layer{{Version: first.Version, Presence: presence}}, Verdict: verdict, Plan: p, Sums: sums, Nodes: 2}
	table, err := result.NewTable(c, in)
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
			want = append(want, plantest.Rat(sums[g], places).FloatString(places))
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
		_, err := result.NewTable(c, in)
		var impossible *result.CheckError
		if !errors.As(err, &impossible) {
			t.Fatalf("a sum beyond what %d cells can give was shown: %v", counts[g], err)
		}
	}
}

func TestPlansOfJoinsAreOfTheVerdictsDatasets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, verdict := drawJoin(t)
		first, second := plan.Side{Descriptor: a.Descriptor, Version: a.Version, Presence: a}, plan.Side{Descriptor: b.Descriptor, Version: b.Version, Presence: b}
		p, err := plan.NewJoin([]plan.Pair{{first, second}}, verdict)
		if err != nil {
			t.Fatal(err)
		}
		other := second
		other.Version.Version++
		if _, err := plan.NewJoin([]plan.Pair{{first, other}}, verdict); err == nil {
			t.Fatal("planned with another version than the verdict's")
		}
		alone := verdict
		alone.Join = nil
		if _, err := plan.NewJoin([]plan.Pair{{first, second}}, alone); err == nil {
			t.Fatal("planned a verdict on one dataset with two")
		}
		if _, err := plan.NewPrivate(catalog.JoinDescriptors(a.Descriptor, b.Descriptor), a.Layers(), verdict); err == nil {
			t.Fatal("planned a verdict on two datasets with one")
		}
		moved := second
		moved.Version.First++
		if q, err := plan.NewJoin([]plan.Pair{{first, moved}}, verdict); err != nil || q.Digest() == p.Digest() {
			t.Fatalf("the digest does not tell where the second version begins: %v", err)
		}
	})
}
