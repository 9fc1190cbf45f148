package panel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
)

// table is a panel written by hand: firms with attributes, and lines of
// period,firm,value.
type table struct {
	grain, policy string
	bounds        string // of the measure
	cubes         string
	firms         [][]string // id, county, industry
	cells         string
}

func (x table) read(t *testing.T) (*panel.Panel, catalog.Descriptor, panel.Attributes) {
	t.Helper()
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(fmt.Sprintf(`dataset: works
title: {en: Works}
license: internal
entity: {registry: firms, column: firm}
period: {column: at, grain: %s}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: kg, range: %s, decimals: 1}
policy: {aggregates: [sum], grain: %s, min_cohort: 3, cubes: %s}
`, x.grain, x.bounds, x.policy, x.cubes)))
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(x.firms))
	for i, f := range x.firms {
		ids[i] = f[0]
	}
	p, _, err := panel.Read(t.Context(), src, ids, []panel.File{mem("x.csv", "at,firm,NOX\n"+x.cells)}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p, src.Descriptor, panel.Attributes{Columns: []string{"county", "industry"}, Rows: x.firms}
}

// dominated lists the cells that fail as cube/group/period.
func dominated(d *panel.Dominance) (cells []string) {
	for _, c := range d.List {
		cells = append(cells, strings.Join(c.Cube, "+")+"/"+strings.Join(c.Group, "+")+"/"+c.Period)
	}
	return cells
}

func percent(t *testing.T, text string) panel.Percent {
	t.Helper()
	p, err := panel.ParsePercent(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The tables are small enough to be worked out by hand; x1, x2 and the rest stand
// beside each county.
func TestDominanceOfTablesByHand(t *testing.T) {
	firms := [][]string{
		{"a1", "a", "i"}, {"a2", "a", "i"}, {"a3", "a", "i"},
		{"b1", "b", "i"}, {"b2", "b", "i"}, {"b3", "b", "i"},
		{"c1", "c", "i"}, {"c2", "c", "i"}, {"c3", "c", "i"},
		{"d1", "d", "i"}, {"d2", "d", "i"}, {"d3", "d", "i"},
		{"e1", "e", "i"}, {"e2", "e", "i"},
	}
	for _, x := range []struct {
		name    string
		table   table
		percent string
		checked int
		want    []string
	}{
		{
			"edges", table{grain: "month", policy: "month", bounds: "[0, 1000]", cubes: "[[county]]", firms: firms, cells: `2024-01,a1,100
2024-01,a2,50
2024-01,a3,10
2024-01,b1,100
2024-01,b2,50
2024-01,b3,9.9
2024-01,c1,0
2024-01,c2,80
2024-01,c3,0
2024-01,d1,0
2024-01,d2,0
2024-01,d3,0
2024-01,e1,20
2024-01,e2,1
`}, // a: 100, 50, 10 = 10 %; b: 9.9 < 10; c: 0 < 8; d: zeros; e: two firms, never released
			"10", 4, []string{"county/b/2024-01", "county/c/2024-01"},
		},
		{
			"another p", table{grain: "month", policy: "month", bounds: "[0, 1000]", cubes: "[[county]]", firms: firms[:6], cells: `2024-01,a1,100
2024-01,a2,50
2024-01,a3,10
2024-01,b1,100
2024-01,b2,50
2024-01,b3,9.9
`}, // 10 % and 9.9 % of x1
			"9.9", 2, nil,
		},
		{
			"negative readings", table{grain: "month", policy: "month", bounds: "[-1000, 1000]", cubes: "[[county]]", firms: firms[:6], cells: `2024-01,a1,-100
2024-01,a2,60
2024-01,a3,5
2024-01,b1,-100
2024-01,b2,60
2024-01,b3,-10
`}, // absolute: a: 100, 60, 5; b: 100, 60, 10
			"10", 2, []string{"county/a/2024-01"},
		},
		{
			"a lower bound that everybody knows", table{grain: "month", policy: "month", bounds: "[50, 1000]", cubes: "[[county]]", firms: firms[:6], cells: `2024-01,a1,150
2024-01,a2,100
2024-01,a3,55
2024-01,b1,150
2024-01,b2,100
2024-01,b3,60
`}, // less 50: a: 100, 50, 5; b: 100, 50, 10
			"10", 2, []string{"county/a/2024-01"},
		},
		{
			"months of a quarter are summed first", table{grain: "month", policy: "quarter", bounds: "[-1000, 1000]", cubes: "[[county]]", firms: firms[:3], cells: `2024-01,a1,60
2024-02,a1,40
2024-01,a2,50
2024-02,a2,0
2024-01,a3,30
2024-02,a3,-21
2024-04,a1,60
2024-04,a2,50
2024-04,a3,30
`}, // first quarter: 100, 50, 9; second: 60, 50, 30
			"10", 2, []string{"county/a/2024-Q1"},
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			p, d, attributes := x.table.read(t)
			got, err := p.Dominance(d, attributes, percent(t, x.percent), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got.Checked != x.checked || got.Failed != len(x.want) {
				t.Errorf("%d of %d cells fail, want %d of %d", got.Failed, got.Checked, len(x.want), x.checked)
			}
			if diff := cmp.Diff(x.want, dominated(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What is proposed mends all cells of a group: with the smallest other group where
// one helps, and with none where the other groups are dominated by the same firm's
// size or have nothing to add.
func TestDominanceNamesTheSmallestGroupToMergeWith(t *testing.T) {
	x := table{
		grain: "month", policy: "month", bounds: "[0, 100000]", cubes: "[[county], [industry]]",
		firms: [][]string{
			{"a1", "a", "i"}, {"a2", "a", "i"}, {"a3", "a", "j"}, {"a4", "a", "j"},
			{"b1", "b", "i"}, {"b2", "b", "i"}, {"b3", "b", "j"},
			{"e1", "e", "j"}, {"e2", "e", "j"},
		},
		cells: `2024-01,a1,100
2024-01,a2,90
2024-01,a3,80
2024-01,a4,70
2024-01,b1,100
2024-01,b2,50
2024-01,b3,4
2024-01,e1,5
2024-01,e2,1
2024-02,a1,100
2024-02,a2,90
2024-02,a3,80
2024-02,a4,70
2024-02,b1,10
2024-02,b2,10
2024-02,b3,10
`,
	}
	p, d, attributes := x.read(t)
	got, err := p.Dominance(d, attributes, panel.DefaultPercent, 0)
	if err != nil {
		t.Fatal(err)
	}
	// County b in January: 4 < 10, and with e 4 + 5 + 1 = 10. Industry j: 80, 70, 4 +
	// 5 + 1. No class of county and industry has three firms.
	want := []panel.Remedy{{Cube: []string{"county"}, Group: []string{"b"}, Failed: 1, Merge: []string{"e"}}}
	if diff := cmp.Diff(want, got.Remedy); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// Without e1 not even that: a is next.
	p, d, attributes = table{grain: x.grain, policy: x.policy, bounds: x.bounds, cubes: x.cubes, firms: x.firms, cells: strings.Replace(x.cells, "2024-01,e1,5\n", "", 1)}.read(t)
	if got, err = p.Dominance(d, attributes, panel.DefaultPercent, 0); err != nil {
		t.Fatal(err)
	}
	want[0].Merge = []string{"a"}
	if diff := cmp.Diff(want[:1], got.Remedy[:1]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// And one that outweighs everybody is not mended by any county.
	p, d, attributes = table{grain: x.grain, policy: x.policy, bounds: x.bounds, cubes: x.cubes, firms: x.firms, cells: strings.Replace(x.cells, "2024-01,b1,100\n", "2024-01,b1,99999\n", 1)}.read(t)
	if got, err = p.Dominance(d, attributes, panel.DefaultPercent, 0); err != nil {
		t.Fatal(err)
	}
	want[0].Merge = nil
	if diff := cmp.Diff(want[:1], got.Remedy[:1]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Classes are what the cubes together tell apart, and are looked at as well: both
// cubes pass, and one of their classes does not.
func TestDominanceLooksAtTheClassesOfAllCubes(t *testing.T) {
	x := table{
		grain: "month", policy: "month", bounds: "[0, 1000]", cubes: "[[county], [industry]]",
		firms: [][]string{
			{"1", "a", "i"}, {"2", "a", "i"}, {"3", "a", "i"}, {"4", "a", "j"}, {"5", "a", "j"}, {"6", "a", "j"}, {"0", "a", "j"},
			{"7", "b", "i"}, {"8", "b", "i"}, {"9", "b", "i"},
		},
	}
	var cells strings.Builder
	cells.WriteString("2024-01,0,30\n")
	for i, v := range []int{100, 50, 1, 30, 30, 30, 30, 30, 30} {
		fmt.Fprintf(&cells, "2024-01,%d,%d\n", i+1, v)
	}
	x.cells = cells.String()
	p, d, attributes := x.read(t)
	got, err := p.Dominance(d, attributes, panel.DefaultPercent, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"county+industry/a+i/2024-01"}, dominated(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Checked != 2+2+3 {
		t.Errorf("%d cells were looked at, want 7", got.Checked)
	}
	// Within the county first, though b's class of that industry is smaller.
	wantRemedy := []panel.Remedy{{Cube: []string{"county", "industry"}, Group: []string{"a", "i"}, Failed: 1, Merge: []string{"a", "j"}}}
	if diff := cmp.Diff(wantRemedy, got.Remedy); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// Periods before the one that is named are not looked at.
	if got, err = p.Dominance(d, attributes, panel.DefaultPercent, 1); err != nil || got.Checked != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	// And a column that nobody has is an error, not a pass.
	if _, err = p.Dominance(d, panel.Attributes{Columns: []string{"county"}, Rows: attributes.Rows}, panel.DefaultPercent, 0); err == nil {
		t.Error("a cube of a column that is not there passes")
	}
}

func TestPercentages(t *testing.T) {
	for _, x := range []struct {
		text, want string
	}{{"10", "10"}, {"12.5", "12.5"}, {"0", "0"}, {"100", "100"}, {"0.001", "0.001"}} {
		if p := percent(t, x.text); p.String() != x.want {
			t.Errorf("%s is read as %s", x.text, p)
		}
	}
	for _, text := range []string{"", "-1", "100.001", "1e1", "ten", "0.0001"} {
		if _, err := panel.ParsePercent(text); err == nil {
			t.Errorf("%q is taken for a percentage", text)
		}
	}
}
