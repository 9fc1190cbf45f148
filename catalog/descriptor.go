package catalog

// Descriptor is what a publisher declares of a dataset: the canonical form of
// the YAML file of DESIGN section 10. Everything in it is public.
type Descriptor struct {
	Dataset     string    `json:"dataset"`
	Title       Text      `json:"title"`
	Description Text      `json:"description,omitzero"`
	License     string    `json:"license"`
	Registry    string    `json:"registry"` // for a descriptor without one, the dataset's own id
	Entity      string    `json:"entity"`   // what the entity is called in queries, e.g. station
	Grain       Grain     `json:"grain"`
	UTCOffset   string    `json:"utc_offset"` // "+08:00"
	Measures    []Measure `json:"measures"`
	Policy      Policy    `json:"policy"`
	Price       *Price    `json:"price,omitempty"`
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
}

// Mid is the middle of the range in units of 10^-Decimals, rounded towards
// minus infinity; encoded values are centred on it.
func (m Measure) Mid() int64 { return m.Min + (m.Max-m.Min)>>1 }

// Policy is what may be released, DESIGN section 8.
type Policy struct {
	Aggregates []string    `json:"aggregates"` // lower case: count, sum, avg, …
	Public     bool        `json:"public,omitempty"`
	Grain      Grain       `json:"grain"` // finest period of a group
	MinCohort  int         `json:"min_cohort,omitempty"`
	Cubes      [][]string  `json:"cubes,omitempty"`
	Moments    [][2]string `json:"moments,omitempty"`
	Joins      []string    `json:"joins,omitempty"`
	Related    [][2]string `json:"related,omitempty"`
	Portfolios int         `json:"portfolios,omitempty"`
	DP         *DP         `json:"dp,omitempty"`
}

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
