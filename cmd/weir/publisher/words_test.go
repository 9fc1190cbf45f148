package publisher

import (
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/publish"
)

func TestCompanionsAreNamed(t *testing.T) {
	d := catalog.Descriptor{Measures: []catalog.Measure{{Name: "a", Squares: true, Buckets: []string{"1", "2.5"}}, {Name: "b"}}}
	if got, want := describeCompanions(d.Measures[0]), "; squares; 3 buckets: up to and with each of 1, 2.5, and above"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := describeCompanions(d.Measures[1]); got != "" {
		t.Errorf("of a measure without: %q", got)
	}
	if got, want := describeTiles(d, 60), ": 20 of measures, 10 of squares, 30 of buckets"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	d.Measures = d.Measures[1:]
	if got := describeTiles(d, 60); got != "" {
		t.Errorf("without companions: %q", got)
	}
	d.Policy = catalog.Policy{MinCohort: 5, Moments: [][2]string{{"b", "b"}, {"a", "b"}}}
	if words := publish.PolicyWords(d); !slices.Contains(words, "exact sums of products: b × b, a × b") {
		t.Errorf("policy %q", words)
	}
}

func TestDecimalPrintsUnitsOfTheMeasure(t *testing.T) {
	for _, c := range []struct {
		units  int64
		places int
		want   string
	}{{0, 0, "0"}, {1000, 1, "100"}, {5, 2, "0.05"}, {-5, 2, "-0.05"}, {-12345, 3, "-12.345"}, {0, 4, "0"}, {10, 0, "10"}} {
		if got := decimal.Format(c.units, c.places); got != c.want {
			t.Errorf("decimal(%d, %d) = %s, want %s", c.units, c.places, got, c.want)
		}
	}
}

func TestPolicyIsSaidInWords(t *testing.T) {
	words := strings.Join(publish.PolicyWords(catalog.Descriptor{
		Grain: calendar.Day, Price: &catalog.Price{PerQuery: "10.00", Currency: "CNY"},
		Policy: catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, MinCohort: 5, Cubes: [][]string{{"county"}, {"industry", "size"}}},
	}), "\n")
	for _, want := range []string{"one month", "at least 5 entities", "county; by industry and size", "10.00 CNY"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in\n%s", want, words)
		}
	}
}

// TestDatasetShowAndCheckSayEveryFieldOfThePolicy, in the words that explain has.
func TestDatasetShowAndCheckSayEveryFieldOfThePolicy(t *testing.T) {
	d := catalog.Descriptor{
		Dataset: "works", Grain: calendar.Month, Measures: []catalog.Measure{{Name: "nox", Max: 10}}, Price: &catalog.Price{PerQuery: "1", Currency: "CNY"},
		Policy: catalog.Policy{
			Aggregates: []string{"sum"}, Grain: calendar.Month, MinCohort: 5, MinCoverage: "0.8", Cubes: [][]string{{"county"}}, Moments: [][2]string{{"nox", "nox"}},
			Joins: []string{"energy"}, Related: [][]string{{"nox", "old.nox_t"}}, Unrelated: []string{"plants"}, Portfolios: 2, PortfolioChange: catalog.PortfolioNever,
			DP:   &catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"},
			Caps: map[string]string{"nox": "permit"},
		},
	}
	for name, s := range map[string]term.Table{
		"show":  datasetTable(shownDataset{Dataset: catalog.Dataset{Descriptor: d}}),
		"check": checkedTable(d, publish.Checked{Policy: publish.PolicyWords(d)}, ""),
	} {
		var said []string
		for _, row := range s.Rows {
			said = append(said, row[1])
		}
		for _, f := range catalog.PolicyFields() {
			if text := f.Words(d); text != "" && !slices.Contains(said, text) {
				t.Errorf("%s does not say %q", name, text)
			}
		}
		if !slices.Contains(said, "a query costs 1 CNY") {
			t.Errorf("%s does not say the price", name)
		}
	}
}
