package catalog

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

func TestDescriptorCheckNamesTheFieldThatIsWrong(t *testing.T) {
	if r := testDescriptor("emissions").Check(); r != nil {
		t.Fatalf("the good one is refused: %v", r)
	}
	dp := DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
	for _, test := range []struct {
		field  string
		change func(*Descriptor)
	}{
		{"dataset", func(d *Descriptor) { d.Dataset = "Emissions" }},
		{"registry", func(d *Descriptor) { d.Registry = "" }},
		{"entity", func(d *Descriptor) { d.Entity = "period" }},
		{"grain", func(d *Descriptor) { d.Grain = "decade" }},
		{"policy.grain", func(d *Descriptor) { d.Grain = calendar.Week }},
		{"policy.grain", func(d *Descriptor) { d.Grain, d.Policy.Grain = calendar.Week, calendar.Year }},
		{"utc_offset", func(d *Descriptor) { d.UTCOffset = "8" }},
		{"numbers", func(d *Descriptor) { d.Numbers = []string{"b", "a"} }},
		{"title.en", func(d *Descriptor) { d.Title.EN = strings.Repeat("x", MaxText+1) }},
		{"description.zh", func(d *Descriptor) { d.Description.ZH = "\x00" }},
		{"license", func(d *Descriptor) { d.License = strings.Repeat("x", MaxName+1) }},
		{"measures", func(d *Descriptor) { d.Measures = nil }},
		{"measures[0]", func(d *Descriptor) { d.Measures[0].Name = "enterprise" }},
		{"measures[1]", func(d *Descriptor) { d.Measures[1].Name = d.Measures[0].Name }},
		{"measures[0].decimals", func(d *Descriptor) { d.Measures[0].Decimals = 10 }},
		{"measures[0].decimals", func(d *Descriptor) { d.Measures[0].Decimals = -1 }},
		{"measures[0].range", func(d *Descriptor) { d.Measures[0].Min, d.Measures[0].Max = 0, 0 }},
		{"measures[0].range", func(d *Descriptor) { d.Measures[0].Min, d.Measures[0].Max = 2, 1 }},
		{"measures[0].range", func(d *Descriptor) { d.Measures[0].Max = maxBound + 1 }},
		{"measures[0].range", func(d *Descriptor) { d.Measures[0].Min = -1 << 63 }},
		{"measures[0].unit", func(d *Descriptor) { d.Measures[0].Unit = "\n" }},
		{"measures[0].buckets", func(d *Descriptor) { d.Measures[0].Buckets = []string{"1", "x"} }},
		{"measures[0].buckets", func(d *Descriptor) { d.Measures[0].Buckets = []string{"2", "1.5"} }},
		{"measures[0].buckets", func(d *Descriptor) { d.Measures[0].Buckets = []string{"1.55"} }},
		{"measures[0].buckets", func(d *Descriptor) { d.Measures[0].Buckets = make([]string, MaxColumns+1) }},
		{"price", func(d *Descriptor) { d.Price = &Price{PerQuery: "-1", Currency: "CNY"} }},
		{"price", func(d *Descriptor) { d.Price = &Price{PerQuery: "1", Currency: "yuan"} }},
		{"policy.aggregates", func(d *Descriptor) { d.Policy.Aggregates = nil }},
		{"policy.aggregates[0]", func(d *Descriptor) { d.Policy.Aggregates = []string{"SUM"} }},
		{"policy.aggregates[1]", func(d *Descriptor) { d.Policy.Aggregates = []string{"sum", "sum"} }},
		{"policy.grain", func(d *Descriptor) { d.Policy.Grain = "" }},
		{"policy.grain", func(d *Descriptor) { d.Policy.Grain = calendar.Day }},
		{"policy.min_cohort", func(d *Descriptor) { d.Policy.MinCohort = 1 }},
		{"policy.min_cohort", func(d *Descriptor) { d.Policy.MinCohort = 0 }},
		{"policy.min_cohort", func(d *Descriptor) { d.Policy.MinCohort = -5 }},
		{"policy.min_cohort", func(d *Descriptor) { d.Policy.MinCohort = MaxRegistryRows + 1 }},
		{"policy.min_cohort", func(d *Descriptor) { d.Policy.Public = true }},
		{"policy.grain", func(d *Descriptor) { d.Policy.Public, d.Policy.MinCohort, d.Policy.Grain = true, 0, calendar.Year }},
		{"policy.cubes", func(d *Descriptor) { d.Policy.Public, d.Policy.MinCohort = true, 0 }},
		{"policy.portfolios", func(d *Descriptor) {
			d.Policy = Policy{Aggregates: d.Policy.Aggregates, Grain: calendar.Month, Public: true, Portfolios: 1}
		}},
		{"policy.dp", func(d *Descriptor) {
			d.Policy = Policy{Aggregates: d.Policy.Aggregates, Grain: calendar.Month, Public: true, DP: &dp}
		}},
		{"policy.cubes", func(d *Descriptor) { d.Policy.Cubes = make([][]string, MaxColumns+1) }},
		{"policy.cubes[0]", func(d *Descriptor) { d.Policy.Cubes = [][]string{{}} }},
		{"policy.cubes[0][0]", func(d *Descriptor) { d.Policy.Cubes = [][]string{{"X"}} }},
		{"policy.moments[0]", func(d *Descriptor) { d.Policy.Moments = [][2]string{{"nox", "pm"}} }},
		{"policy.related[0][0]", func(d *Descriptor) { d.Policy.Related = [][]string{{"", "nox"}} }},
		{"policy.joins[0]", func(d *Descriptor) { d.Policy.Joins = []string{"A"} }},
		{"policy.portfolios", func(d *Descriptor) { d.Policy.Portfolios = -1 }},
		{"policy.dp.epsilon_per_query", func(d *Descriptor) { p := dp; p.EpsilonPerQuery = "1.5"; d.Policy.DP = &p }},
		{"policy.dp.epsilon_per_query", func(d *Descriptor) { p := dp; p.EpsilonPerQuery = "0"; d.Policy.DP = &p }},
		{"policy.dp.epsilon_per_contract", func(d *Descriptor) { p := dp; p.EpsilonPerContract = "0.1"; d.Policy.DP = &p }},
		{"policy.dp.epsilon_family", func(d *Descriptor) { p := dp; p.EpsilonFamily = "1"; d.Policy.DP = &p }},
		{"policy.dp.delta", func(d *Descriptor) { p := dp; p.Delta = "0.1"; d.Policy.DP = &p }},
		{"policy.dp.delta", func(d *Descriptor) { p := dp; p.Delta = "1e-999999999"; d.Policy.DP = &p }},
	} {
		d := clone(t, testDescriptor("emissions"))
		test.change(&d)
		r := d.Check()
		wantRefusal(t, r, RefusedInvalid, "invalid")
		if r.Field != test.field {
			t.Errorf("field %q (%s), want %q", r.Field, r, test.field)
		}
	}
	good := testDescriptor("emissions")
	good.Policy.DP, good.Policy.Moments, good.Price = &dp, [][2]string{{"nox", "nox"}}, &Price{PerQuery: "10.00", Currency: "CNY"}
	good.Measures[0].Buckets = []string{"-1", "0", "0.5", "100"}
	if r := good.Check(); r != nil {
		t.Fatal(r)
	}
}

func TestParseFixedIsExact(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "1": 100, "-1": -100, "1.5": 150, "-0.25": -25, "999999999999.99": 99999999999999} {
		if v, ok := parseFixed(s, 2); !ok || v != want {
			t.Errorf("%s: %d %t, want %d", s, v, ok, want)
		}
	}
	for _, s := range []string{"", "+1", "1.", ".5", "01", "1.555", "1e3", "1,5", "٣"} {
		if v, ok := parseFixed(s, 2); ok {
			t.Errorf("%q is read as %d", s, v)
		}
	}
}

func testDescriptor(id string) Descriptor {
	return Descriptor{
		Dataset: id, Title: Text{EN: "Emissions", ZH: "排放"}, License: "CC0-1.0", Registry: "enterprises", Entity: "enterprise",
		Grain: calendar.Month, UTCOffset: "+08:00",
		Measures: []Measure{
			{Name: "nox", Unit: "kg", Min: 0, Max: 1_000_000, Decimals: 1},
			{Name: "so2", Unit: "kg", Min: 0, Max: 1_000_000, Decimals: 1},
		},
		Policy: Policy{Aggregates: []string{"count", "sum", "avg"}, Grain: calendar.Month, MinCohort: 5, Cubes: [][]string{{"county"}}, Portfolios: 1},
	}
}

func TestNumbersAreAttributesOfTheRegistry(t *testing.T) {
	d := testDescriptor("emissions")
	d.Numbers = []string{"capacity"}
	if r := d.CheckColumns([]string{"capacity", "county"}); r != nil {
		t.Error(r)
	}
	if r := d.CheckColumns([]string{"county"}); r == nil || r.Field != "numbers[0]" {
		t.Errorf("an attribute that there is not: %v", r)
	}
	d.Numbers = []string{"capacity", "capacity"}
	if r := d.CheckColumns([]string{"capacity", "county"}); r == nil || r.Field != "numbers[1]" {
		t.Errorf("an attribute twice: %v", r)
	}
}
