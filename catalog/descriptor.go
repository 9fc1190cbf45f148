package catalog

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// Descriptor is what a publisher declares of a dataset: the canonical form of
// the YAML file of DESCRIPTOR.md. Everything in it is public.
type Descriptor struct {
	Dataset     string         `json:"dataset"`
	Title       Text           `json:"title"`
	Description Text           `json:"description,omitzero"`
	License     string         `json:"license"`
	Registry    string         `json:"registry"`                    // for a descriptor without one, the dataset's own id
	Entity      string         `json:"entity"`                      // what the entity is called in queries, e.g. station
	Numbers     []string       `json:"numbers,omitempty" since:"2"` // attributes of the registry that are decimal numbers, ascending
	Grain       calendar.Grain `json:"grain"`
	UTCOffset   string         `json:"utc_offset"` // "+08:00"
	Measures    []Measure      `json:"measures"`
	Policy      Policy         `json:"policy"`
	Price       *Price         `json:"price,omitempty"`
}

// Text is a text in English and Chinese.
type Text struct {
	EN string `json:"en,omitempty"`
	ZH string `json:"zh,omitempty"`
}

// Measure is one column of readings: decimal numbers from Min to Max with at
// most Decimals digits after the point. A value v is encoded as the integer
// v·10^Decimals − Mid(). Min and Max are the declared bounds times 10^Decimals.
type Measure struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Min      int64    `json:"min"`
	Max      int64    `json:"max"`
	Decimals int      `json:"decimals"`
	Squares  bool     `json:"squares,omitempty"`
	Buckets  []string `json:"buckets,omitempty"` // ascending decimals

	UCUM      string `json:"ucum,omitempty" since:"2"`      // the unit's code; empty: Unit says all
	Pollutant string `json:"pollutant,omitempty" since:"2"` // its code in HJ 212
	PCAF      *PCAF  `json:"pcaf,omitempty" since:"2"`
}

// PCAF says of a measure of emissions what the PCAF Standard (Part A, 2nd edition, 2022) wants to
// know: the scope, the option by which they were found, and its data-quality score.
type PCAF struct {
	Scope  string `json:"scope"`
	Option string `json:"option"`
	Score  int    `json:"score"`
}

// pcafScopes are the scopes of the GHG Protocol, and the two that are reported together.
var pcafScopes = []string{"1", "2", "3", "1+2"}

// pcafOptions are the options for business loans with their scores (chapter 5.2).
var pcafOptions = []struct {
	option string
	score  int
}{{"1a", 1}, {"1b", 2}, {"2a", 2}, {"2b", 3}, {"3a", 4}, {"3b", 5}, {"3c", 5}}

// PCAFScore is the data-quality score of an option, 1 the best; 0: there is no such option.
func PCAFScore(option string) int {
	for _, o := range pcafOptions {
		if o.option == option {
			return o.score
		}
	}
	return 0
}

// Mid is the middle of the range in units of 10^-Decimals, rounded towards
// minus infinity; encoded values are centred on it.
func (m Measure) Mid() int64 { return m.Min + (m.Max-m.Min)>>1 }

// Policy is what may be released (RELEASE.md). policyfield.go says of each field where
// it applies and what it can be.
type Policy struct {
	Aggregates      []string        `json:"aggregates"` // lower case: count, sum, avg, …
	Public          bool            `json:"public,omitempty"`
	Grain           calendar.Grain  `json:"grain"` // finest period of a group
	MinCohort       int             `json:"min_cohort,omitempty"`
	MinCoverage     string          `json:"min_coverage,omitempty"` // decimal above 0, at most 1; empty: DefaultMinCoverage
	Cubes           [][]string      `json:"cubes,omitempty"`
	Moments         [][2]string     `json:"moments,omitempty"`
	Joins           []string        `json:"joins,omitempty"`
	Related         [][]string      `json:"related,omitempty"`          // groups of own measures and dataset.measure of the family
	Unrelated       []string        `json:"unrelated,omitempty"`        // registries and datasets of the publisher
	Portfolios      int             `json:"portfolios,omitempty"`       // owners of exact portfolios; 0: DefaultPortfolios
	PortfolioChange PortfolioChange `json:"portfolio_change,omitempty"` // empty: PortfolioPerPeriod
	DP              *DP             `json:"dp,omitempty"`
	RetentionDays   int             `json:"retention_days,omitempty"` // 0: DefaultRetention
	// Caps are, by measure, the attribute that no reading of an entity exceeds, to which noise is
	// scaled instead of the range (package caps).
	Caps     map[string]string `json:"caps,omitempty" since:"3"`
	AboveCap AboveCap          `json:"above_cap,omitempty" since:"3"` // empty: AboveCapRefuse
	// VersionDays is for how long a version is kept after a newer one was live; 0: for ever.
	VersionDays int `json:"version_days,omitempty" since:"6"`
}

// What holds where a policy leaves the field out.
const (
	DefaultMinCoverage = "0.9"
	DefaultPortfolios  = 1
	DefaultRetention   = 365 // days
)

// Bounds of a policy's retention, in days. A repeat is free for one.
const (
	MinRetention = 2
	MaxRetention = 36500
)

// MaxVersionDays bounds for how long a policy keeps versions that were superseded.
const MaxVersionDays = 3650

// Retention is for how long a query's answer is kept after it was given, in milliseconds.
func (p Policy) Retention() int64 {
	return int64(cmp.Or(p.RetentionDays, DefaultRetention)) * 24 * 3600_000
}

// PortfolioChange says whether an owner of an exact portfolio may register another
// list (RELEASE.md section 6).
type PortfolioChange string

// The two rules for another list.
const (
	PortfolioPerPeriod PortfolioChange = "per_period" // for periods that were not answered
	PortfolioNever     PortfolioChange = "never"
)

// Coverage is the policy's least coverage of a row as decimal text, above 0 and at
// most 1.
func (p Policy) Coverage() string { return cmp.Or(p.MinCoverage, DefaultMinCoverage) }

// Covers reports whether a row that includes so many of its counting entities has
// the policy's least coverage. The policy was checked.
func (p Policy) Covers(included, of int) bool {
	parts, whole := coverageParts(p.Coverage())
	return int64(included)*whole >= int64(of)*parts
}

// Owners is how many owners may have an exact portfolio at a time.
func (p Policy) Owners() int { return cmp.Or(p.Portfolios, DefaultPortfolios) }

// Change is the policy's rule for another list of an owner.
func (p Policy) Change() PortfolioChange { return cmp.Or(p.PortfolioChange, PortfolioPerPeriod) }

// DP are the budgets of noised releases, as decimal text so that no two nodes
// round them differently.
type DP struct {
	EpsilonPerQuery    string `json:"epsilon_per_query"`
	EpsilonPerContract string `json:"epsilon_per_contract"`
	EpsilonFamily      string `json:"epsilon_family"`
	Delta              string `json:"delta"`
}

// Price is what a query costs, as a decimal amount of a currency (ISO 4217).
type Price struct {
	PerQuery string `json:"per_query"`
	Currency string `json:"currency"`
}

// CountsPresence reports whether a version says, beside who counts, who has a
// cell at all. Where a period of the policy is one of the dataset's the two are
// the same.
func (d Descriptor) CountsPresence() bool { return !d.Policy.Public && d.Policy.Grain != d.Grain }

// Counted names what the bitmaps of a version are of: the measures and, where a period
// of the policy has several of the dataset, the pairs of different measures that moments
// lists (PairName).
func (d Descriptor) Counted() []string {
	out := d.MeasureNames()
	if !d.CountsPresence() {
		return out
	}
	for _, p := range d.Policy.Moments {
		if name := d.PairName(p[0], p[1]); p[0] != p[1] && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// PairName is what the bitmaps of a pair of measures are called that moments lists, in
// either order; empty where there is none. Who is in them has, in some period of the
// dataset, a cell of exactly one of the two.
func (d Descriptor) PairName(a, b string) string {
	if !d.CountsPresence() || !d.lists(a, b) {
		return ""
	}
	return min(a, b) + "*" + max(a, b)
}

// MeasureNames are the names of a descriptor's measures, in its order.
func (d Descriptor) MeasureNames() []string {
	all := make([]string, len(d.Measures))
	for i, m := range d.Measures {
		all[i] = m.Name
	}
	return all
}

// Measure is the measure of that name; false when the descriptor has none.
func (d Descriptor) Measure(name string) (Measure, bool) {
	i := d.MeasureIndex(name)
	if i < 0 {
		return Measure{}, false
	}
	return d.Measures[i], true
}

// MeasureNamed is the measure of that name, the zero Measure if there is none.
func (d Descriptor) MeasureNamed(name string) Measure {
	m, _ := d.Measure(name)
	return m
}

// MeasureIndex is the number of the measure of that name, −1 if there is none.
func (d Descriptor) MeasureIndex(name string) int {
	return slices.IndexFunc(d.Measures, func(m Measure) bool { return m.Name == name })
}
