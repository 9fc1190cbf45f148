package wire

import "github.com/weirdata/weir/catalog"

// Vectors is a page of a principal's private vectors.
type Vectors struct {
	Vectors []catalog.Vector `json:"vectors"`
	More
}

// Cohorts is what the cohort test of a private query would look at now: in each set
// the selected entities, and the others, must be none or MinCohort at least. Members
// are positions in the registry, ascending. NoRest says that the others must not be
// none.
type Cohorts struct {
	Dataset   string      `json:"dataset"`
	Release   int         `json:"release"`
	MinCohort int         `json:"min_cohort"`
	Sets      []CohortSet `json:"sets"`
}

// CohortSet is one of the sets.
type CohortSet struct {
	Members []int32 `json:"members"`
	NoRest  bool    `json:"no_rest,omitempty"`
}
