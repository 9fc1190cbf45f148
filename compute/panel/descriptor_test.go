package panel_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/panel"
)

func TestDescriptorOfRealReadings(t *testing.T) {
	src := source(t, beijing)
	d := src.Descriptor
	if d.Dataset != "beijing_air" || d.Registry != "beijing_air" || d.Entity != "station" || d.UTCOffset != "+08:00" ||
		d.Grain != calendar.Hour || d.Policy.Grain != calendar.Hour || !d.Policy.Public || d.Title.ZH != "北京逐小时空气质量" {
		t.Errorf("%+v", d)
	}
	want := catalog.Measure{Name: "pm25", Unit: "µg/m³", Min: 0, Max: 10000, Decimals: 1, Squares: true, Buckets: []string{"35", "75", "115", "150", "250"}}
	if diff := cmp.Diff(want, d.Measures[0]); diff != "" {
		t.Error(diff)
	}
	if m := d.Measures[2]; m.Min != 0 || m.Max != 10_000_000 || m.Decimals != 4 {
		t.Errorf("%+v", m)
	}
	src.Descriptor = catalog.Descriptor{}
	if diff := cmp.Diff(&panel.Source{
		EntityColumn: "station", Attributes: []string{}, AttributeIDs: []string{}, PeriodColumns: []string{"year", "month", "day", "hour"}, PeriodParts: true,
		Missing: []string{"", "NA"}, Columns: []string{"PM2.5", "PM10", "SO2", "NO2", "CO", "O3"},
	}, src); diff != "" {
		t.Error(diff)
	}
}

const protected = `
dataset: enterprise_monthly
title: {en: Emissions, zh: 企业排放}
description: {en: "made up"}
license: CC0-1.0
entity: {registry: enterprises, column: code}
period: {column: month, grain: month}
utc_offset: -03:30
missing: [-999, "null", "~", 0.10]
measures:
  - {name: nox, unit: kg, range: [-0.5, 100000], decimals: 3}
  - {name: so2, column: SO2, unit: kg, range: [0, 1e6], decimals: 0}
  - {name: nox_t, unit: t, range: [0, 1000], decimals: 3}
policy:
  aggregates: [count, sum, avg]
  grain: quarter
  min_cohort: 5
  cubes: [[county], [industry, grade]]
  moments: [[nox, nox], [nox, so2]]
  joins: []
  related: [[nox, so2, power.nox_t], [nox, nox_t]]
  unrelated: [old_enterprises, air]
  portfolios: 2
  portfolio_change: never
  min_coverage: 0.80
  dp: {epsilon_per_query: 0.5, epsilon_per_contract: 5, epsilon_family: 10, delta: 1e-9}
price: {per_query: "10.00", currency: CNY}
`

func TestDescriptorOfProtectedReadings(t *testing.T) {
	src := source(t, protected)
	want := &panel.Source{
		Descriptor: catalog.Descriptor{
			Dataset: "enterprise_monthly", Title: catalog.Text{EN: "Emissions", ZH: "企业排放"}, Description: catalog.Text{EN: "made up"}, License: "CC0-1.0",
			Registry: "enterprises", Entity: "code", Grain: calendar.Month, UTCOffset: "-03:30",
			Measures: []catalog.Measure{
				{Name: "nox", Unit: "kg", Min: -500, Max: 100_000_000, Decimals: 3},
				{Name: "so2", Unit: "kg", Min: 0, Max: 1_000_000, Decimals: 0},
				{Name: "nox_t", Unit: "t", Min: 0, Max: 1_000_000, Decimals: 3},
			},
			Policy: catalog.Policy{
				Aggregates: []string{"count", "sum", "avg"}, Grain: calendar.Quarter, MinCohort: 5,
				Cubes: [][]string{{"county"}, {"industry", "grade"}}, Moments: [][2]string{{"nox", "nox"}, {"nox", "so2"}},
				Joins: []string{}, Related: [][]string{{"nox", "so2", "power.nox_t"}, {"nox", "nox_t"}},
				Unrelated: []string{"old_enterprises", "air"}, Portfolios: 2, PortfolioChange: catalog.PortfolioNever, MinCoverage: "0.8",
				DP: &catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"},
			},
			Price: &catalog.Price{PerQuery: "10.00", Currency: "CNY"},
		},
		Registry: "enterprises", EntityColumn: "code", Attributes: []string{}, AttributeIDs: []string{}, PeriodColumns: []string{"month"},
		Missing: []string{"-999", "null", "~", "0.10"}, Columns: []string{"nox", "SO2", "nox_t"},
	}
	if diff := cmp.Diff(want, src); diff != "" {
		t.Error(diff)
	}
}

func TestDescriptorFaultsNameLineAndColumn(t *testing.T) {
	replace := func(old, with string) string {
		if !strings.Contains(small, old) {
			t.Fatalf("%q is not in the descriptor", old)
		}
		return strings.Replace(small, old, with, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":        {replace("license:", "licence:"), `d.yaml:4:1: unknown field licence; did you mean license?`},
		"unknown deep field":   {replace("unit: µg/m³", "units: µg/m³"), `d.yaml:9:33: unknown field units; did you mean unit?`},
		"field twice":          {small + "license: X\n", `d.yaml:13:1: mapping key "license" already defined at [4:1]`},
		"syntax":               {replace("{column: date", "{column: [date"), `d.yaml:6:`},
		"tab":                  {replace("license: CC0", "\tlicense: CC0"), `d.yaml:4:`},
		"list for a scalar":    {replace("dataset: small", "dataset: [small]"), `d.yaml:2:10: want a single value here, not a sequence`},
		"scalar for a list":    {replace("[county]", "county"), `d.yaml:5:39: `},
		"scalar for a map":     {replace("{en: Small}", "Small"), `d.yaml:3:8: `},
		"alias":                {replace("dataset: small", "dataset: &x small"), `d.yaml:2:10: anchors, aliases, merges and tags are not allowed; write the value out`},
		"tag":                  {replace("dataset: small", "dataset: !!str small"), `d.yaml:2:10: anchors, aliases, merges and tags`},
		"null":                 {replace("NA]", "~]"), `d.yaml:7:15: there is no value here; leave the field out, or quote`},
		"empty field":          {replace("[county]", ""), `d.yaml:5:38: there is no value here`},
		"two documents":        {small + "---\ndataset: x\n", `a second document; a descriptor is one`},
		"empty":                {"# nothing\n", `d.yaml:1:1: the descriptor is empty`},
		"no mapping":           {"- a\n", `d.yaml:1:1: a descriptor is a mapping of fields`},
		"name":                 {replace("dataset: small", "dataset: Small"), `d.yaml:2:10: dataset: "Small" is no name; want a letter`},
		"no license":           {replace("license: CC0-1.0\n", ""), `d.yaml: license: missing`},
		"no title":             {replace("title: {en: Small}\n", ""), `title: missing; title: {en: …, zh: …}, one of them at least`},
		"grain":                {replace("grain: day", "grain: decade"), `d.yaml:6:31: period.grain: unknown grain "decade"; want quarter_hour, half_hour, hour, day, week, month, quarter or year`},
		"period both":          {replace("column: date,", "column: date, columns: [y, m, d],"), `period: has both column and columns`},
		"period none":          {replace("column: date,", ""), `period: has no columns`},
		"period parts":         {replace("column: date,", "columns: [y, m],"), `d.yaml:6:34: period.columns: 2 columns for periods of one day; want 3: ["year" "month" "day"]`},
		"registry and data":    {replace("{column: station", "{registry: r, column: station"), `d.yaml:5:20: entity: has both registry and attributes`},
		"offset":               {replace("utc_offset: \"+08:00\"", "utc_offset: Asia/Shanghai"), `d.yaml:12:13: utc_offset: "Asia/Shanghai" is no offset; want "+08:00", say`},
		"no range":             {replace("range: [-10, 100], ", ""), `d.yaml:9:12: measures[0].range: missing; want [LOW, HIGH]`},
		"range upside down":    {replace("[-10, 100]", "[100, -10]"), `d.yaml:9:54: measures[0].range: the lower bound is not below the upper one`},
		"range too fine":       {replace("[-10, 100]", "[-10.25, 100]"), `d.yaml:9:54: measures[0].range: "-10.25" has more digits than decimals: 1`},
		"range too large":      {replace("[-10, 100]", "[-10, 1e29]"), `measures[0].range: "1e29" with 1 decimals is too large`},
		"range no number":      {replace("[-10, 100]", "[-10, many]"), `d.yaml:9:59: measures[0].range: "many" is no decimal number`},
		"decimals":             {replace("decimals: 1", "decimals: 16"), `measures[0].decimals: "16" is out of range; want a whole number from 0 to 9`},
		"flag":                 {replace("decimals: 1", "decimals: 1, squares: yes"), `measures[0].squares: "yes" is neither true nor false`},
		"buckets":              {replace("decimals: 1", "decimals: 1, buckets: [2, 1]"), `measures[0].buckets: "1" does not ascend`},
		"measure twice":        {replace("name: co,", "name: pm25,"), `d.yaml:10:12: measures[1].name: "pm25" is taken`},
		"measure as entity":    {replace("name: co,", "name: station,"), `measures[1].name: "station" is taken`},
		"column twice":         {replace("column: CO", "column: PM2.5"), `d.yaml:10:12: measures[1].column: column "PM2.5" is read as measures[0].column already`},
		"no measures":          {small[:strings.Index(small, "measures:")], `measures: missing`},
		"policy grain":         {replace("public: true", "grain: hour"), `d.yaml:11:17: policy.grain: hour is finer than the dataset's day`},
		"pair of three":        {replace("public: true", "moments: [[a, b, c]]"), `d.yaml:11:21: policy.moments[0]: 3 measures; want a pair`},
		"price":                {small + "price: {per_query: ten, currency: CNY}\n", `d.yaml:13:20: price.per_query: "ten" is no decimal number`},
		"epsilon":              {replace("public: true", "min_cohort: 5, dp: {epsilon_per_query: big, epsilon_per_contract: 1, epsilon_family: 1, delta: 1e-9}"), `d.yaml:11:49: policy.dp.epsilon_per_query: "big" is not a number above 0`},
		"cohort":               {replace("public: true", "min_cohort: -1"), `d.yaml:11:22: policy.min_cohort: "-1" is out of range`},
		"no protection":        {replace("public: true", "aggregates: [sum]"), `d.yaml:11:23: policy.min_cohort: min_cohort is 0; values are protected only`},
		"public and not":       {replace("public: true", "public: true, min_cohort: 5"), `d.yaml:11:36: policy.min_cohort: public: true switches min_cohort off`},
		"aggregate":            {replace("public: true", "public: true, aggregates: [sum, mean]"), `d.yaml:11:42: policy.aggregates[1]: "mean" is not a known aggregate`},
		"moment":               {replace("public: true", "min_cohort: 5, moments: [[co, co], [co, no]]"), `d.yaml:11:46: policy.moments[1]: the dataset has no measure "no"; its measures are`},
		"unknown policy field": {replace("public: true", "min_coverge: 0.5"), `d.yaml:11:10: unknown field min_coverge; did you mean min_coverage?`},
		"coverage":             {replace("public: true", "min_cohort: 5, min_coverage: 90"), `d.yaml:11:39: policy.min_coverage: "90" is not above 0 and at most 1; want a share such as 0.9`},
		"coverage of nothing":  {replace("public: true", "min_cohort: 5, min_coverage: 0.0"), `d.yaml:11:39: policy.min_coverage: "0.0" is not above 0`},
		"coverage in percent":  {replace("public: true", "min_cohort: 5, min_coverage: 90%"), `d.yaml:11:39: policy.min_coverage: "90%" is no decimal number`},
		"coverage too fine":    {replace("public: true", "min_cohort: 5, min_coverage: 0.90000001"), `d.yaml:11:39: policy.min_coverage: min_coverage is "0.90000001"`},
		"cohort of one":        {replace("public: true", "min_cohort: 1"), `d.yaml:11:22: policy.min_cohort: min_cohort is 1; values are protected only by groups of at least 2 entities`},
		"change":               {replace("public: true", "min_cohort: 5, portfolio_change: per_perod"), `d.yaml:11:43: policy.portfolio_change: portfolio_change is "per_perod"; did you mean per_period? write per_period`},
		"related to nothing":   {replace("public: true", "min_cohort: 5, related: [[co, pm2_5]]"), `d.yaml:11:40: policy.related[0][1]: the dataset has no measure "pm2_5"; did you mean pm25? its measures are`},
		"related alone":        {replace("public: true", "min_cohort: 5, related: [[co, pm25], [co]]"), `d.yaml:11:48: policy.related[1]: the group has 1 measures, 2 to 64 are possible`},
		"related to itself":    {replace("public: true", "min_cohort: 5, related: [[co, small.pm25]]"), `d.yaml:11:40: policy.related[0][1]: "small.pm25" is a measure of this dataset; write pm25`},
		"unrelated":            {replace("public: true", "min_cohort: 5, unrelated: [a, small]"), `d.yaml:11:40: policy.unrelated[1]: "small" is not the name of another registry or dataset`},
		"portfolios":           {replace("public: true", "min_cohort: 5, portfolios: many"), `d.yaml:11:37: policy.portfolios: "many" is out of range; want a whole number from 0 to 64`},
		"joins coarser":        {replace("public: true", "min_cohort: 5, grain: year, joins: [x]"), `d.yaml:11:46: policy.joins: joined figures are released only where policy.grain is the dataset's own`},
		"aggregate mistyped":   {replace("public: true", "public: true, aggregates: [sum, sttdev]"), `d.yaml:11:42: policy.aggregates[1]: "sttdev" is not a known aggregate: `},
		"variance":             {strings.NewReplacer("[-10, 100]", "[0, 1000000000]", "[0, 5]", "[0, 1000000000]", "public: true", "public: true, aggregates: [sum, var]").Replace(small), `d.yaml:11:42: policy.aggregates[1]: var can never be answered: in the declared range a sum of co × co over a single reading may leave ±140000000000000000; declare a narrower range, a larger unit or fewer decimals of co, or leave var out of aggregates`},
		"attribute period":     {replace("[county]", "[{name: period, column: county}]"), `d.yaml:5:47: entity.attributes[0]: "period" is not a free column name`},
		"attribute entity":     {replace("[county]", "[county, {name: entity, column: x}]"), `d.yaml:5:55: entity.attributes[1]: "entity" is not a free column name`},
		"attribute twice":      {replace("[county]", "[county, {name: county, column: x}]"), `d.yaml:5:55: entity.attributes[1]: "county" occurs twice; call it otherwise`},
		"attribute as entity":  {replace("[county]", "[{name: station, column: x}]"), `d.yaml:5:47: entity.attributes[0]: "station" is not a free column name`},
		"many attributes":      {replace("[county]", "[county"+strings.Repeat(", x", 70)+"]"), `column "x" is read as`},
		"too many attributes":  {replace("[county]", manyAttributes(65)), `d.yaml:5:40: entity.attributes: 65 columns, at most 64 are possible`},
		"all in one go":        {strings.NewReplacer("small", "Small", "CC0-1.0", `""`).Replace(small), "is no name; want a letter, then letters, digits and _, all lower case, at most 64\nd.yaml:4:10: license: missing"},
		"longer than allowed":  {small + strings.Repeat("#", 1<<19), `d.yaml: more than 262144 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(c.text))
			var fault *panel.DescriptorError
			if !errors.As(err, &fault) || src != nil {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// manyAttributes are the attributes a0, a1, …
func manyAttributes(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("a%d", i)
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func TestAsManyAttributesAsARegistryTakesAreRead(t *testing.T) {
	if n := len(source(t, strings.Replace(small, "[county]", manyAttributes(64), 1)).AttributeIDs); n != 64 {
		t.Errorf("%d attributes", n)
	}
}

func TestTheEntitysColumnNeedNotBeAName(t *testing.T) {
	if d := source(t, strings.Replace(small, "column: station", "column: 站点 名", 1)).Descriptor; d.Entity != "entity" {
		t.Errorf("entity %q", d.Entity)
	}
}

// TestEveryDescriptorOfTheSeedsCanBeRead reads the ones that the demo publishes.
func TestEveryDescriptorOfTheSeedsCanBeRead(t *testing.T) {
	paths, err := filepath.Glob("../../seeds/descriptors/*.yaml")
	if err != nil || len(paths) < 8 {
		t.Fatalf("%d descriptors, %v", len(paths), err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		src, err := panel.ReadDescriptor(p, bytes.NewReader(b))
		if err != nil {
			t.Error(err)
		} else if src.Descriptor.Dataset+".yaml" != filepath.Base(p) {
			t.Errorf("%s describes %s", p, src.Descriptor.Dataset)
		}
	}
}

func FuzzReadDescriptor(f *testing.F) {
	for _, s := range []string{
		beijing, small, protected, strings.Replace(small, "public: true", "min_cohort: 2, min_coverage: 1e-3, related: [[co, pm25, x.y]], unrelated: [z], portfolio_change: per_period", 1), "", "a: &a [*a]", "? {", "- - -", "dataset: !!binary x", "title: |\n  x\n", "'", "\x00", "measures: [{range: [1e-30, 1E+30]}]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src, err := panel.ReadDescriptor("d", strings.NewReader(text))
		if (src == nil) == (err == nil) {
			t.Fatal("want a source or an error")
		}
		if err != nil {
			return
		}
		for _, m := range src.Descriptor.Measures {
			if m.Min >= m.Max || m.Mid() < m.Min || m.Mid() > m.Max || m.Decimals < 0 {
				t.Errorf("%+v", m)
			}
		}
		if r := src.Descriptor.Check(); r != nil {
			t.Errorf("what was read is refused: %v", r)
		}
		if len(src.Columns) != len(src.Descriptor.Measures) || len(src.Columns) == 0 || len(src.PeriodColumns) == 0 || src.EntityColumn == "" {
			t.Errorf("%+v", src)
		}
	})
}

// What a measure is of is read, and what contradicts itself is refused at its place.
func TestSubstanceOfAMeasure(t *testing.T) {
	read := func(measure string) (catalog.Measure, error) {
		text := "dataset: d\ntitle: {en: T}\nlicense: CC0-1.0\nentity: {column: station, attributes: [county]}\nperiod: {column: month, grain: month}\n" +
			"utc_offset: \"+08:00\"\nmeasures:\n  - {name: m, range: [0, 9], " + measure + "}\npolicy: {aggregates: [sum], public: true}\n"
		src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(text))
		if err != nil {
			return catalog.Measure{}, err
		}
		return src.Descriptor.Measures[0], nil
	}
	m, err := read("unit: t, ucum: 't{CO2e}', pollutant: a05001, pcaf: {scope: 1+2, option: 2b}")
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Measure{Name: "m", Unit: "t", Max: 9, UCUM: "t{CO2e}", Pollutant: "a05001", PCAF: &catalog.PCAF{Scope: "1+2", Option: "2b", Score: 3}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	for measure, want := range map[string]string{
		"unit: µg/m³, ucum: mg/m3":                             `d.yaml:8:49: measures[0].ucum: is mg/m3, and unit "µg/m³" is ug/m3`,
		"unit: t, ucum: tonnes":                                `measures[0].ucum: "tonnes" is no code that is known here`,
		"unit: loads, pollutant: a34004":                       `measures[0].ucum: missing: unit "loads" of a pollutant is not known`,
		"unit: mg/L, pollutant: w01001":                        `measures[0].pollutant: w01001 (pH) is not measured in mg/L`,
		"unit: t, pollutant: PM25":                             `measures[0].pollutant: "PM25" is not the code of a pollutant in HJ 212; write a and five digits of air, w of water, such as a34004`,
		"unit: t, pcaf: {scope: 4, option: 1a}":                `measures[0].pcaf.scope: "4" is no scope; scopes are 1, 2, 3 and 1+2`,
		"unit: t, pcaf: {scope: 1}":                            `measures[0].pcaf.option: "" is no option of PCAF`,
		"unit: t, pcaf: {scope: 1, option: 1a, score: 2}":      `measures[0].pcaf.score: the score is 2, and that of option 1a is 1; leave the score out`,
		"unit: t, pcaf: {scope: 1, option: 1a, quality: good}": "quality",
	} {
		if _, err := read(measure); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", measure, err, want)
		}
	}
}
