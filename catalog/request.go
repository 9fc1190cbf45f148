package catalog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// Request is a query in canonical form: what is signed, judged and planned.
// SQL rides along as evidence and is never parsed by a node that applies it.
type Request struct {
	Version  int                 `json:"v"`
	Dataset  string              `json:"dataset"`
	AsOf     int                 `json:"release,omitempty"` // dataset version, by its stored name; 0: the newest live one when applied
	Join     *Join               `json:"join,omitempty"`    // a second dataset, for products
	Where    *Predicate          `json:"where,omitempty"`   // nil: every entity
	In       string              `json:"in,omitempty"`      // id of the private selector that the entities are in, beside Where; empty: none
	Periods  []calendar.Interval `json:"periods,omitempty"` // in the dataset's grain, ascending, disjoint, not touching; none: every period
	By       []Dimension         `json:"by,omitempty"`      // entity and attribute dimensions and at most one period dimension, in SELECT order of the GROUP BY
	Select   []Aggregate         `json:"select"`            // distinct aggregates
	Complete bool                `json:"complete,omitempty"`
	Partial  bool                `json:"partial,omitempty"` // releases rows too that cover less than the policy's min_coverage
	Noise    *Noise              `json:"noise,omitempty"`   // nil: exact
	// Sources is the digest of what an exact query with a private portfolio on protected
	// data stands on, as its asker sees it (disclosure.Family.SourcesDigest).
	Sources Digest `json:"sources,omitzero"`
	SQL     string `json:"sql,omitempty"`
	Verify  bool   `json:"verify,omitempty" since:"5"` // a checked answer: opened under several sets of nodes (package checked)
}

// Predicate is a condition on one entity's public attributes. Op is "and",
// "or" (Args, at least one), "not" (one Arg), "in" (Values, sorted, distinct),
// "lt", "le", "gt", "ge" (one Value, compared byte by byte). Column is an
// attribute of the registry, or empty for the entity's id.
type Predicate struct {
	Op     string      `json:"op"`
	Column string      `json:"column,omitempty"`
	Values []string    `json:"values,omitempty"`
	Args   []Predicate `json:"args,omitempty"`
}

// Dimension is what groups are formed by. Kind is DimEntity, DimAttribute
// (Column), DimPeriod (Grain, by which periods of the dataset's can be grouped), or DimPiece: the pieces of
// the private partition that the request is In.
type Dimension struct {
	Kind   DimensionKind  `json:"kind"`
	Column string         `json:"column,omitempty"`
	Grain  calendar.Grain `json:"grain,omitempty"`
}

// Called is what a change that a refusal advises calls the dimension (change.dimension); entity is
// what the descriptor calls entities.
func (d Dimension) Called(entity string) string {
	switch d.Kind {
	case DimPeriod:
		return "periods"
	case DimPiece:
		return "pieces"
	case DimEntity:
		return entity
	case DimAttribute:
	}
	return d.Column
}

// DimensionKind is the kind of a Dimension.
type DimensionKind string

// Kinds of dimensions.
const (
	DimEntity    DimensionKind = "entity"
	DimAttribute DimensionKind = "attribute"
	DimPeriod    DimensionKind = "period"
	DimPiece     DimensionKind = "piece"
)

// Aggregate is one aggregate function. Func is "count" (Measure empty for
// COUNT(*)), "sum", "avg" or one of the Func constants. Other is the second measure of
// a statistic of two columns, or of a product. Weight is the id of a private vector of weights that the measure, or
// without one the cells, are multiplied with.
type Aggregate struct {
	Func    string `json:"func"`
	Measure string `json:"measure,omitempty"`
	Other   string `json:"other,omitempty"`
	Weight  string `json:"weight,omitempty"`
}

// requestVersion is the form of requests.
const requestVersion = 1

// Check refuses a request that is not in canonical form or asks for what the
// dataset does not have. columns are the attributes of its registry. Whether the
// policy and a contract allow it is not its business.
func (q Request) Check(d Descriptor, columns []string) *Refusal {
	switch {
	case q.Version != requestVersion:
		return Invalid("v", "request.version", q.Version, requestVersion)
	case q.Dataset != d.Dataset:
		return Invalid("dataset", "request.dataset", q.Dataset, d.Dataset)
	case q.AsOf < 0:
		return Invalid("release", "request.release", q.AsOf)
	case len(q.SQL) > maxSQL:
		return Invalid("sql", "request.sql", len(q.SQL), maxSQL)
	}
	return cmp.Or(
		q.checkJoin(), q.checkPrivate(), q.Noise.Check(), q.Where.Check(columns), checkIntervals(q.Periods),
		checkDimensions(q.By, d, columns), q.checkPieces(), checkSelect(q.Select, d),
	)
}

func checkIntervals(list []calendar.Interval) *Refusal {
	if len(list) > MaxIntervals {
		return Invalid("periods", "request.intervals", len(list), MaxIntervals)
	}
	for i, v := range list {
		if v.From >= v.To || i > 0 && v.From <= list[i-1].To {
			return Invalid(fmt.Sprintf("periods[%d]", i), "request.interval_order", v.From, v.To)
		}
	}
	return nil
}

func checkDimensions(by []Dimension, d Descriptor, columns []string) *Refusal {
	periods := 0
	for i, dim := range by {
		at := fmt.Sprintf("by[%d]", i)
		if slices.Contains(by[:i], dim) {
			return Invalid(at, "request.dimension_twice")
		}
		switch dim.Kind {
		case DimEntity:
			if dim.Column != "" || dim.Grain != "" {
				return Invalid(at, "request.entity_dimension")
			}
		case DimAttribute:
			if dim.Grain != "" || !slices.Contains(columns, dim.Column) {
				return Invalid(at, "registry.no_attribute", dim.Column, columns)
			}
		case DimPeriod:
			if periods++; periods > 1 {
				return Invalid(at, "request.two_grains")
			}
			if dim.Column != "" || !dim.Grain.Valid() {
				return Invalid(at, "request.grain_unknown", dim.Grain)
			}
			if !d.Grain.Groups(dim.Grain) {
				return Invalid(at, "request.grain_finer", dim.Grain, d.Grain)
			}
		case DimPiece:
			if dim.Column != "" || dim.Grain != "" {
				return Invalid(at, "request.piece_dimension")
			}
		default:
			return Invalid(at, "request.dimension_unknown", dim.Kind)
		}
	}
	return nil
}

func checkSelect(list []Aggregate, d Descriptor) *Refusal {
	if len(list) == 0 || len(list) > 4*MaxColumns {
		return Invalid("select", "request.aggregates", len(list), 4*MaxColumns)
	}
	for i, a := range list {
		at := fmt.Sprintf("select[%d]", i)
		if slices.Contains(list[:i], a) {
			return Invalid(at, "request.aggregate_twice")
		}
		f := functionNamed(a.Func)
		switch {
		case f == nil:
			return Invalid(at, "request.aggregate_unknown", a.Func)
		case a.Measure == "" && (f.cells && a.Other == "" || f.weights && a.Weight != ""):
			continue
		}
		if _, known := d.Measure(a.Measure); !known {
			return Invalid(at, "dataset.no_measure", a.Measure, d.MeasureNames())
		}
		if r := a.checkStatistic(at, d); r != nil {
			return r
		}
	}
	return nil
}

// Columns are the distinct columns that have to be opened, in the order of their
// first appearance.
func (q Request) Columns(d Descriptor) []Column {
	cols := []Column{}
	for _, a := range q.Select {
		for _, c := range q.ColumnsOf(a, d) {
			if !slices.Contains(cols, c) {
				cols = append(cols, c)
			}
		}
	}
	if all := (Column{Count: true}); q.In != "" && !slices.Contains(cols, all) {
		cols = append(cols, all) // which groups have a selected cell at all
	}
	return cols
}

// Grain is the grain of the period dimension, or empty.
func (q Request) Grain() calendar.Grain {
	for _, d := range q.By {
		if d.Kind == DimPeriod {
			return d.Grain
		}
	}
	return ""
}

// Ungrantable is the refusal of what no contract on the dataset grants, so that nobody
// is told to order one; nil when a contract might.
func (q Request) Ungrantable(d Descriptor) *Refusal {
	noised := ""
	if d.Policy.DP != nil {
		noised = d.Policy.DP.EpsilonPerQuery
	}
	return q.UngrantableAt(d, noised)
}

// UngrantableAt is Ungrantable where noised is the largest epsilon that could be asked with;
// empty: none.
func (q Request) UngrantableAt(d Descriptor, noised string) *Refusal {
	for i, a := range q.Select {
		if !Grants(d.Policy.Aggregates, a.Func) {
			return Refuse(RefusedPolicy, "aggregate", "policy.aggregate", d.Dataset, a.Func, d.Policy.Aggregates).
				WithField(fmt.Sprintf("select[%d]", i))
		}
	}
	if q.Join != nil {
		return nil
	}
	return q.checkExactMoments(d, noised)
}
