package publish_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

const foreseen = `dataset: plants
title: {en: Plants}
license: CC0-1.0
utc_offset: "+00:00"
entity: {column: plant, attributes: [county]}
period: {column: period, grain: month}
missing: [""]
measures:
  - {name: nox, column: NOx, unit: kg, range: [-100, 100], decimals: 1}
  - {name: so2, column: SO2, unit: kg, range: [0, 100], decimals: 1}
policy:
  aggregates: [count, sum, avg]
  grain: month
  min_cohort: 3
  cubes: [[county]]
`

// plantsCSV has eight plants in north, twelve in south and one in west, which has a
// reading in the first month alone; no plant of south reports SO2.
func plantsCSV() string {
	var b strings.Builder
	b.WriteString("plant,county,period,NOx,SO2\n")
	for p := range 20 {
		county, so2 := "north", "5"
		if p >= 8 {
			county, so2 = "south", ""
		}
		for m := range 3 {
			fmt.Fprintf(&b, "p%02d,%s,2024-%02d,%d.5,%s\n", p, county, m+1, p, so2)
		}
	}
	return b.String() + "p20,west,2024-01,-90.5,5\n"
}

func foreseeing(t *testing.T, descriptor, csv string) *publish.Prepared {
	t.Helper()
	src, err := panel.ReadDescriptor("plants.yaml", strings.NewReader(descriptor))
	if err != nil {
		t.Fatal(err)
	}
	file := panel.File{Name: "plants.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
	p, err := publish.Prepare(t.Context(), src, []panel.File{file}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWhatCanBeAnsweredIsForeseenWithoutACluster: coverage of entities and of value, and
// the group that is too small, from the files alone.
func TestWhatCanBeAnsweredIsForeseenWithoutACluster(t *testing.T) {
	var alone *client.Client
	report, err := publish.Foresee(t.Context(), alone, foreseeing(t, foreseen, plantsCSV()))
	if err != nil {
		t.Fatal(err)
	}
	by := []string{"county"}
	north, west := answerable.Group{By: by, Values: []string{"north"}, Entities: 8}, answerable.Group{By: by, Values: []string{"west"}, Entities: 1}
	want := []answerable.Joined{{
		Entities: 9, Leaves: []answerable.Leaf{{Group: west, Small: true}, {Group: north}}, Missing: []answerable.Group{north, west},
	}}
	if diff := cmp.Diff(want, report.Joined); diff != "" {
		t.Errorf("joined (-want +got):\n%s", diff)
	}
	// South's twelve plants in three months; their NOx is Σ(p + 0.5) = 168 a month, all
	// of it Σ over 20 plants = 200 and 90.5 in January: 504 of 690.5.
	permille, none := 729, 0
	county := []answerable.LevelMeasure{
		{
			Measure: "nox", Complete: 1, Figures: 7, Whole: 3, Withheld: 4, Included: 36, Of: 61, Value: &permille,
			Worst: &answerable.Worst{Period: "2024-01", Included: 12, Of: 21},
			Short: []answerable.Short{{Values: []string{"north"}, Of: 24}, {Values: []string{"west"}, Of: 1}},
		},
		{
			Measure: "so2", Figures: 4, Withheld: 4, Of: 25, Value: &none, Worst: &answerable.Worst{Period: "2024-01", Of: 9},
			Short: []answerable.Short{{Values: []string{"north"}, Of: 24}, {Values: []string{"west"}, Of: 1}},
		},
	}
	if diff := cmp.Diff(county, report.Levels[1].Measures); diff != "" {
		t.Errorf("by county (-want +got):\n%s", diff)
	}
	for _, m := range report.Levels[0].Measures {
		if m.Whole != 3 || *m.Value != 1000 {
			t.Errorf("the total of %s: %d of %d months are whole, %d ‰ of the value", m.Measure, m.Whole, m.Figures, *m.Value)
		}
	}
}

// TestWhatTheRuleRefusesIsForeseen: what the ledger would refuse is an error before
// anything is sent.
func TestWhatTheRuleRefusesIsForeseen(t *testing.T) {
	var alone *client.Client
	var conflict *disclosure.Conflict
	related := foreseen + "  related: [[nox, other.nox]]\n"
	if _, err := publish.Foresee(t.Context(), alone, foreseeing(t, related, plantsCSV())); !errors.As(err, &conflict) || conflict.Code != disclosure.ConflictRelated {
		t.Errorf("a related measure of a dataset that is not there: %v", err)
	}
	public := foreseen[:strings.Index(foreseen, "  grain: month\n  min")] + "  public: true\n"
	if report, err := publish.Foresee(t.Context(), alone, foreseeing(t, public, plantsCSV())); report != nil || err != nil {
		t.Errorf("a public dataset: %v, %v", report, err)
	}
}

// TestOnlyWholeMonthsAreForeseen: days of a month that is not over are in no figure yet.
func TestOnlyWholeMonthsAreForeseen(t *testing.T) {
	daily := strings.Replace(foreseen, "grain: month}", "grain: day}", 1)
	var b strings.Builder
	b.WriteString("plant,county,period,NOx,SO2\n")
	for p := range 6 {
		for d := range 40 { // January and nine days of February
			fmt.Fprintf(&b, "p%d,north,2024-%02d-%02d,1,1\n", p, 1+d/31, 1+d%31)
		}
	}
	var alone *client.Client
	report, err := publish.Foresee(t.Context(), alone, foreseeing(t, daily, b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if report.Periods != 1 || report.First != "2024-01" || report.Levels[0].Measures[0].Whole != 1 {
		t.Errorf("%d months from %s, %d whole in total", report.Periods, report.First, report.Levels[0].Measures[0].Whole)
	}
}
