package catalog

// Request is a query in canonical form: what is signed, judged and planned.
// SQL rides along as evidence and is never parsed by a node that applies it.
type Request struct {
	Version  int         `json:"v"`
	Dataset  string      `json:"dataset"`
	Release  int         `json:"release,omitempty"` // dataset version; 0: the newest live one when applied
	Join     *Join       `json:"join,omitempty"`    // a second dataset, for products
	Where    *Predicate  `json:"where,omitempty"`   // nil: every entity
	In       string      `json:"in,omitempty"`      // id of the private selector that the entities are in, beside Where; empty: none
	Periods  []Interval  `json:"periods,omitempty"` // in the dataset's grain, ascending, disjoint, not touching; none: every period
	By       []Dimension `json:"by,omitempty"`      // entity and attribute dimensions and at most one period dimension, in SELECT order of the GROUP BY
	Select   []Aggregate `json:"select"`            // distinct aggregates
	Complete bool        `json:"complete,omitempty"`
	Noise    *Noise      `json:"noise,omitempty"` // nil: exact
	SQL      string      `json:"sql,omitempty"`
}

// Interval is the half-open interval [From, To) of period indexes of one grain.
type Interval struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
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
// (Column) or DimPeriod (Grain, not finer than the dataset's).
type Dimension struct {
	Kind   DimensionKind `json:"kind"`
	Column string        `json:"column,omitempty"`
	Grain  Grain         `json:"grain,omitempty"`
}

// DimensionKind is the kind of a Dimension.
type DimensionKind string

// Kinds of dimensions.
const (
	DimEntity    DimensionKind = "entity"
	DimAttribute DimensionKind = "attribute"
	DimPeriod    DimensionKind = "period"
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
