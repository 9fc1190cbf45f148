package catalog

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// TestEveryFieldOfAPolicyIsInTheTable by the names that the ledger's JSON has.
func TestEveryFieldOfAPolicyIsInTheTable(t *testing.T) {
	var want, have []string
	var p Policy
	fields := reflect.ValueOf(&p).Elem()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("json"), ",")
		want = append(want, name)
	}
	for i, f := range PolicyFields() {
		have = append(have, f.Name)
		if f.In == nil {
			t.Fatalf("no file can have %s", f.Name)
		}
		if !f.Public && f.set == nil {
			t.Errorf("public: true would not be refused beside %s", f.Name)
		}
		if f.In(&p) != fields.Field(i).Addr().Interface() {
			t.Errorf("%s is read into another field than the %d.", f.Name, i+1)
		}
		if f.words == nil || f.odrl == nil || f.amend == nil {
			t.Errorf("nothing is said of %s", f.Name)
		}
	}
	if !slices.Equal(want, have) {
		t.Errorf("the table has %v, the type %v", have, want)
	}
}

// TestPublicDataHasNoIdleRules switches on each field that means nothing there.
func TestPublicDataHasNoIdleRules(t *testing.T) {
	dp := DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
	set := map[string]func(*Policy){
		"min_cohort":       func(p *Policy) { p.MinCohort = 5 },
		"min_coverage":     func(p *Policy) { p.MinCoverage = "0.5" },
		"cubes":            func(p *Policy) { p.Cubes = [][]string{{"county"}} },
		"moments":          func(p *Policy) { p.Moments = [][2]string{{"nox", "so2"}} },
		"joins":            func(p *Policy) { p.Joins = []string{"energy"} },
		"related":          func(p *Policy) { p.Related = [][]string{{"nox", "so2"}} },
		"portfolios":       func(p *Policy) { p.Portfolios = 2 },
		"portfolio_change": func(p *Policy) { p.PortfolioChange = PortfolioNever },
		"dp":               func(p *Policy) { p.DP = &dp },
		"caps":             func(p *Policy) { p.Caps = map[string]string{"nox": "permit"} },
		"above_cap":        func(p *Policy) { p.AboveCap = AboveCapClip },
	}
	for _, f := range PolicyFields() {
		if f.Public {
			continue
		}
		d := testDescriptor("emissions")
		d.Policy = Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, Public: true}
		if r := d.Check(); r != nil {
			t.Fatal(r)
		}
		set[f.Name](&d.Policy)
		if r := d.Check(); r == nil || r.Field != "policy."+f.Name || !strings.Contains(words(r), "switches "+f.Name+" off") {
			t.Errorf("%s: %v", f.Name, r)
		}
	}
}

func TestPolicyChecksNameTheFieldAndTheFix(t *testing.T) {
	for _, test := range []struct {
		name, field, says string // field empty: it is right
		change            func(*Descriptor)
	}{
		{"coverage of all", "", "", func(d *Descriptor) { d.Policy.MinCoverage = "1" }},
		{"coverage of little", "", "", func(d *Descriptor) { d.Policy.MinCoverage = "0.000001" }},
		{"coverage that is the default", "", "", func(d *Descriptor) { d.Policy.MinCoverage = "0.9" }},
		{"coverage of nothing", "policy.min_coverage", "above 0", func(d *Descriptor) { d.Policy.MinCoverage = "0" }},
		{"coverage of more than all", "policy.min_coverage", "at most 1", func(d *Descriptor) { d.Policy.MinCoverage = "1.1" }},
		{"coverage in percent", "policy.min_coverage", "such as 0.9", func(d *Descriptor) { d.Policy.MinCoverage = "90%" }},
		{"coverage in another spelling", "policy.min_coverage", "no zero at the end", func(d *Descriptor) { d.Policy.MinCoverage = "0.90" }},
		{"coverage below 0", "policy.min_coverage", "above 0", func(d *Descriptor) { d.Policy.MinCoverage = "-0.5" }},
		{"a cohort of one", "policy.min_cohort", "at least 2", func(d *Descriptor) { d.Policy.MinCohort = 1 }},
		{"a cohort of two", "", "", func(d *Descriptor) { d.Policy.MinCohort = 2 }},
		{"caps", "", "", capped},
		{"caps that are clipped at", "", "", func(d *Descriptor) { capped(d); d.Policy.AboveCap = AboveCapClip }},
		{"caps of no noise", "policy.caps", "add dp", func(d *Descriptor) { capped(d); d.Policy.DP = nil }},
		{"a cap of no measure", "policy.caps.pm", "its measures are: nox, so2", func(d *Descriptor) { capped(d); d.Policy.Caps["pm"] = "permit" }},
		{"a cap that is no number", "policy.caps.nox", "entity.numbers", func(d *Descriptor) { capped(d); d.Numbers = nil }},
		{"another rule above a cap", "policy.above_cap", "refuse, which is the default, nor clip", func(d *Descriptor) { capped(d); d.Policy.AboveCap = "drop" }},
		{"a rule above no cap", "policy.above_cap", "there are no caps", func(d *Descriptor) { d.Policy.AboveCap = AboveCapClip }},
		{"change never", "", "", func(d *Descriptor) { d.Policy.PortfolioChange = "never" }},
		{"change by period", "", "", func(d *Descriptor) { d.Policy.PortfolioChange = "per_period" }},
		{"another change", "policy.portfolio_change", "per_period, which is the default, or never", func(d *Descriptor) { d.Policy.PortfolioChange = "always" }},
		{"related by three", "", "", func(d *Descriptor) { d.Policy.Related = [][]string{{"nox", "so2", "energy.nox_t"}, {"nox", "a.b"}} }},
		{"related alone", "policy.related[0]", "2 to 64", func(d *Descriptor) { d.Policy.Related = [][]string{{"nox"}} }},
		{"related to itself", "policy.related[0][1]", "twice", func(d *Descriptor) { d.Policy.Related = [][]string{{"nox", "nox"}} }},
		{"related to nothing", "policy.related[1][1]", "its measures are: nox, so2", func(d *Descriptor) { d.Policy.Related = [][]string{{"nox", "so2"}, {"nox", "pm"}} }},
		{"related to itself in full", "policy.related[0][1]", "write so2", func(d *Descriptor) { d.Policy.Related = [][]string{{"nox", "emissions.so2"}} }},
		{"related to no name", "policy.related[0][1]", "dataset.measure", func(d *Descriptor) { d.Policy.Related = [][]string{{"nox", "a.b.c"}} }},
		{"related elsewhere", "policy.related[0]", "no measure of this dataset", func(d *Descriptor) { d.Policy.Related = [][]string{{"a.x", "b.x"}} }},
		{"too many groups", "policy.related", "at most 64", func(d *Descriptor) { d.Policy.Related = make([][]string, MaxColumns+1) }},
		{"unrelated", "", "", func(d *Descriptor) { d.Policy.Unrelated = []string{"firms", "old_emissions"} }},
		{"unrelated to itself", "policy.unrelated[0]", "another", func(d *Descriptor) { d.Policy.Unrelated = []string{"emissions"} }},
		{"unrelated to its registry", "policy.unrelated[0]", "another", func(d *Descriptor) { d.Policy.Unrelated = []string{"enterprises"} }},
		{"unrelated twice", "policy.unrelated[1]", "twice", func(d *Descriptor) { d.Policy.Unrelated = []string{"a", "a"} }},
		{"unrelated to no name", "policy.unrelated[0]", "name", func(d *Descriptor) { d.Policy.Unrelated = []string{"A"} }},
		{"unrelated to many", "policy.unrelated", "at most 64", func(d *Descriptor) { d.Policy.Unrelated = make([]string, MaxColumns+1) }},
		{"unrelated where public", "", "", func(d *Descriptor) {
			d.Policy = Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, Public: true, Unrelated: []string{"guarded"}}
		}},
		{"versions of ten years", "", "", func(d *Descriptor) {
			d.Policy = Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, Public: true, VersionDays: MaxVersionDays}
		}},
		{"versions of more", "policy.version_days", "1 to 3650 days", func(d *Descriptor) {
			d.Policy = Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, Public: true, VersionDays: MaxVersionDays + 1}
		}},
		{"versions of less than a day", "policy.version_days", "1 to 3650 days", func(d *Descriptor) {
			d.Policy = Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, Public: true, VersionDays: -1}
		}},
		{"protected versions that go", "policy.version_days", "needs public: true", func(d *Descriptor) { d.Policy.VersionDays = 7 }},
		{"joined", "", "", func(d *Descriptor) { d.Policy.Joins = []string{"energy"} }},
		{"joined to itself", "policy.joins[0]", "another dataset", func(d *Descriptor) { d.Policy.Joins = []string{"emissions"} }},
		{"joined at another grain", "policy.joins", "set policy.grain to month", func(d *Descriptor) { d.Policy.Joins, d.Policy.Grain = []string{"energy"}, calendar.Year }},
		{"joined to many", "policy.joins", "at most 64", func(d *Descriptor) { d.Policy.Joins = make([]string, MaxColumns+1) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := clone(t, testDescriptor("emissions"))
			test.change(&d)
			r := d.Check()
			if test.field == "" {
				if r != nil {
					t.Fatal(r)
				}
				return
			}
			wantRefusal(t, r, RefusedInvalid, "invalid")
			if r.Field != test.field || !strings.Contains(words(r), test.says) {
				t.Errorf("field %q, %q; want %q and %q", r.Field, words(r), test.field, test.says)
			}
		})
	}
}

// Where a variance fits for some measures the policy may grant it, and whoever
// publishes is told for which it does not.
func TestMeasuresWithoutAVarianceAreNamed(t *testing.T) {
	d := testDescriptor("emissions")
	d.Measures[0].Min, d.Measures[0].Max = -maxSquared-1, maxSquared+1
	d.Measures[1].Min, d.Measures[1].Max = -1, 1
	d.Policy = Policy{Aggregates: []string{"count", "stddev"}, Grain: calendar.Month, Public: true}
	if got := d.TooWide(); !slices.Equal(got, []string{d.Measures[0].Name}) {
		t.Errorf("no variance of %v", got)
	}
	d.Policy.Aggregates = []string{"count", "sum"}
	if got := d.TooWide(); got != nil {
		t.Errorf("no variance of %v, which nobody asks for", got)
	}
}

// The widest range of squares that fit is exact: one unit more on either side, and the
// measure has no variance.
func TestTheWidestRangeOfAVarianceIsExact(t *testing.T) {
	for _, k := range []int{0, 2, 3, 5, 1000} {
		d := testDescriptor("emissions")
		d.Policy = Policy{Aggregates: []string{"count", "var"}, Grain: calendar.Month, Public: k == 0, MinCohort: k}
		if k > 0 {
			d.Policy.DP = &DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
		}
		d.Measures = d.Measures[:1]
		half := d.SquaredWidth() / 2
		for more, want := range []int{0, 1} {
			d.Measures[0].Min, d.Measures[0].Max = -half-int64(more), half+int64(more)
			if got := d.TooWide(); len(got) != want {
				t.Errorf("min_cohort %d, %d units from the middle: no variance of %v", k, half+int64(more), got)
			}
		}
	}
}

// TestPoliciesThatCanNeverBeAnsweredAreRefused at the very bound: whatever one unit
// more could be asked of some figure is let through.
func TestPoliciesThatCanNeverBeAnsweredAreRefused(t *testing.T) {
	public := func(aggregates ...string) Policy {
		return Policy{Aggregates: aggregates, Grain: calendar.Month, Public: true}
	}
	guarded := func(k int, aggregates ...string) Policy {
		return Policy{Aggregates: aggregates, Grain: calendar.Month, MinCohort: k}
	}
	with := func(p Policy, change func(*Policy)) Policy { change(&p); return p }
	noised := func(p *Policy) {
		p.DP = &DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
	}
	squared := func(p *Policy) { p.Moments = [][2]string{{"nox", "nox"}} }
	const half2 = 264_575_131 // its square is just below MaxSum/2
	for _, test := range []struct {
		name, field string // field empty: it is right
		nox, so2    int64  // greatest distance from the middle
		policy      Policy
	}{
		{"variance that fits", "", maxSquared, 1, public("count", "var")},
		{"variance of one of two", "", maxSquared + 1, 1, public("count", "stddev_pop")},
		{"variance of the other", "", 1, maxSquared + 1, public("var", "count")},
		{"variance of neither", "policy.aggregates[1]", maxSquared + 1, maxSquared + 1, public("count", "stddev_pop")},
		{"no variance granted", "", maxSquared + 1, 1, public("count", "sum", "histogram")},
		{"covariance that fits", "", maxSquared + 1, 1, public("covar")},
		{"covariance that does not", "policy.aggregates[0]", maxSquared + 1, maxSquared + 1, public("covar_pop")},
		{"weighted mean that does not", "policy.aggregates[0]", maxSquared + 1, maxSquared + 1, public("wavg")},
		{"regression needs squares", "policy.aggregates[0]", maxSquared + 1, 1, public("corr")},
		{"protected variance is not exact", "", maxBound / 2, 1, guarded(2, "sum", "var")},
		{"protected variance with noise", "policy.aggregates[1]", half2 + 1, half2 + 1, with(guarded(2, "sum", "var"), noised)},
		{"protected variance with noise that fits", "", half2, 1, with(guarded(2, "sum", "var"), noised)},
		{"moment of two", "", half2, 1, with(guarded(2, "sum"), squared)},
		{"moment that needs one more", "policy.moments[0]", half2 + 1, 1, with(guarded(2, "sum"), squared)},
		{"sum of five", "", MaxSum / 5, 1, guarded(5, "sum")},
		{"sum of six", "policy.aggregates[1]", MaxSum / 5, 1, guarded(6, "count", "sum")},
		{"count of six", "", MaxSum / 5, 1, guarded(6, "count")},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := testDescriptor("emissions")
			d.Measures[0].Min, d.Measures[0].Max = -test.nox, test.nox
			d.Measures[1].Min, d.Measures[1].Max = -test.so2, test.so2
			d.Policy = test.policy
			r := d.Check()
			switch {
			case test.field == "" && r != nil:
				t.Fatal(r)
			case test.field != "":
				wantRefusal(t, r, RefusedInvalid, "invalid")
				if r.Field != test.field || !strings.Contains(words(r), "can never be answered") || !strings.Contains(words(r), "narrower range") {
					t.Errorf("field %q: %v; want %q", r.Field, r, test.field)
				}
			}
		})
	}
}

func TestAttributesThatNoRegistryTakesAreRefused(t *testing.T) {
	for field, columns := range map[string][]string{
		"":           {"county", "industry"},
		"columns":    make([]string, MaxColumns+1),
		"columns[0]": {"period", "entity"},
		"columns[1]": {"county", "entity"},
		"columns[2]": {"county", "grade", "county"},
		"columns[3]": {"county", "grade", "industry", "plant"}, // the id column
		"columns[4]": {"a", "b", "c", "d", "County"},
	} {
		r := CheckAttributes("plant", columns)
		if (r == nil) != (field == "") || r != nil && r.Field != field {
			t.Errorf("%q: %v", columns, r)
		}
	}
}

func TestLeastCoverageIsCountedExactly(t *testing.T) {
	for _, test := range []struct {
		coverage     string
		included, of int
		want         bool
	}{
		{"", 9, 10, true}, {"", 8, 10, false}, {"", 899_999, 1_000_000, false}, {"", 900_000, 1_000_000, true},
		{"1", 10, 10, true}, {"1", 9, 10, false}, {"0.000001", 1, 1_000_000, true}, {"0.000001", 0, 10, false},
		{"0.335", 67, 200, true}, {"0.335", 66, 200, false}, {"0.5", 0, 0, true},
	} {
		if got := (Policy{MinCoverage: test.coverage}).Covers(test.included, test.of); got != test.want {
			t.Errorf("%q of %d of %d: %t", test.coverage, test.included, test.of, got)
		}
	}
}

func TestWhatAPolicyLeavesOutHasADefault(t *testing.T) {
	var p Policy
	if p.Coverage() != "0.9" || p.Owners() != 1 || p.Change() != PortfolioPerPeriod {
		t.Errorf("%s, %d, %s", p.Coverage(), p.Owners(), p.Change())
	}
	p = Policy{MinCoverage: "0.5", Portfolios: 3, PortfolioChange: PortfolioNever}
	if p.Coverage() != "0.5" || p.Owners() != 3 || p.Change() != PortfolioNever {
		t.Errorf("%s, %d, %s", p.Coverage(), p.Owners(), p.Change())
	}
	if got := string(Encode(Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, MinCohort: 5})); got != `{"aggregates":["sum"],"grain":"month","min_cohort":5}` {
		t.Errorf("what is left out is written: %s", got)
	}
	const full = `{"aggregates":["sum"],"grain":"month","min_cohort":5,"min_coverage":"0.8","related":[["nox","so2","energy.nox"]],"unrelated":["firms"],"portfolios":2,"portfolio_change":"never"}`
	p = Policy{}
	if err := json.Unmarshal([]byte(full), &p); err != nil || string(Encode(p)) != full {
		t.Errorf("%s, %v", Encode(p), err)
	}
}

func TestSharesAreWrittenInPercent(t *testing.T) {
	for share, want := range map[string]string{"1": "100", "0.9": "90", "0.05": "5", "0.875": "87.5", "0.000001": "0.0001", "0.5": "50"} {
		if got := Percent(share); got != want {
			t.Errorf("%s: %s, want %s", share, got, want)
		}
	}
}

// capped gives a descriptor caps.
func capped(d *Descriptor) {
	d.Numbers = []string{"permit"}
	d.Policy.DP = &DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
	d.Policy.Caps = map[string]string{"nox": "permit"}
}
