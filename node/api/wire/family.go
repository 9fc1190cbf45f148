package wire

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
)

// Family answers GET /v1/datasets/{id}/family: the state of the release rule of a
// protected dataset's family. Declared has those from the parameter declared on, at most
// MaxDeclared, and Settled those from the parameter settled on, at most MaxSettled; the
// totals say how many there are.
type Family struct {
	Tree          catalog.Digest  `json:"tree" doc:"Of the bytes of the tree of classes"`
	Declared      []FamilyDataset `json:"declared" doc:"Datasets as they were declared, amendments included, in the order of the ledger"`
	DeclaredTotal int             `json:"declared_total"`
	Settled       []Settled       `json:"settled" doc:"Versions in the order in which they went live"`
	SettledTotal  int             `json:"settled_total"`
}

// Bounds of a page of a family.
const (
	MaxDeclared = 32
	MaxSettled  = 1000
)

// Settled names what a version settled.
type Settled struct {
	Dataset string         `json:"dataset"`
	Version int            `json:"version"`
	Digest  catalog.Digest `json:"digest"`
}

// FamilyDataset is what the release rule knows of a dataset.
type FamilyDataset struct {
	ID          string        `json:"id"`
	Grain       catalog.Grain `json:"grain"`
	PolicyGrain catalog.Grain `json:"policy_grain"`
	MinCohort   int           `json:"min_cohort"`
	Portfolios  int           `json:"portfolios"`
	Cubes       [][]string    `json:"cubes,omitempty"`
	Measures    []string      `json:"measures"`
	Moments     [][2]string   `json:"moments,omitempty"`
	Related     [][]string    `json:"related,omitempty"`
	Joins       []string      `json:"joins,omitempty"`
}

// Declared is the dataset as the release rule takes it.
func (d FamilyDataset) Declared() disclosure.Dataset { return disclosure.Dataset(d) }
