package sql

import (
	"github.com/weirdata/weir/catalog"
)

// Schema is what Compile knows of a dataset: all of it public.
type Schema struct {
	Descriptor catalog.Descriptor `json:"descriptor"`
	Columns    []string           `json:"columns,omitempty"`   // attributes of the registry
	IDColumn   string             `json:"id_column,omitempty"` // another name of the entity

	// Distinct tells the registry's values of an attribute, or of column "" the ids of
	// entities; nil: they are not at hand. It is asked only where a condition needs it.
	Distinct func(column string) ([]string, error) `json:"-"`

	// Join describes the dataset that the SQL joins to this one; nil for SQL that
	// joins none.
	Join *catalog.Descriptor `json:"join,omitempty"`

	// Vectors are private vectors of whoever asks, in any state and on any registry;
	// PRIVATE(name) is the newest ready one of that name on the dataset's.
	Vectors []catalog.Vector `json:"vectors,omitempty"`
	// Stand lets every selector, whatever its name, stand for one that is yet to be
	// registered: catalog.NewVector. Such a request is only previewed.
	Stand bool `json:"stand,omitempty"`
}

// Compiled is a query in two parts: the request, which is signed, and how the
// client shows the released groups. It is plain data, so that a thin client can
// have it made by POST /v1/compile, check it, and sign the request.
type Compiled struct {
	Request catalog.Request `json:"request"`
	Output  []Output        `json:"output"`
	// Cycles are parts of periods that come again (hour, isodow, …), by which released groups
	// of single periods are joined. The request's period dimension is of their grain then.
	Cycles []string `json:"cycles,omitempty"`
	Having *Having  `json:"having,omitempty"` // rows that are shown; nil: all
	Order  []Order  `json:"order,omitempty"`  // first key first; ties and no keys: dimensions ascending
	Limit  *int     `json:"limit,omitempty"`  // rows at most; nil: all

	text text // where the SQL says it; empty in one that was made elsewhere
}

// OutputKind says where an output column comes from.
type OutputKind string

// Kinds of output columns.
const (
	OutputDimension OutputKind = "dimension"
	OutputAggregate OutputKind = "aggregate"
	OutputCycle     OutputKind = "cycle"
	// OutputExpression is worked out by the client from released figures.
	OutputExpression OutputKind = "expression"
)

// Output is one column of the result, in the order of SELECT. Index counts in
// the request's By for a dimension, in its Select for an aggregate, in Cycles for a cycle. Name is the
// alias, else the expression in lower case.
//
// Form says which statistic of an aggregate's sums is shown (var_pop, quantile, …;
// empty: the aggregate itself), Argument the q of a quantile, the limit of an
// exceedance, or of two measures the one that stands first. Bucket is that of a
// histogram's column, 1 the lowest. Relative puts the figure in relation to those of
// other rows: share_of_total or year_on_year.
type Output struct {
	Name     string     `json:"name"`
	Kind     OutputKind `json:"kind"`
	Index    int        `json:"index"`
	Form     string     `json:"form,omitempty"`
	Argument string     `json:"argument,omitempty"`
	Bucket   int        `json:"bucket,omitempty"`
	Relative string     `json:"relative,omitempty"`
	Expr     *Expr      `json:"expr,omitempty"` // of an expression; Index is 0 then
}

// Figure is the output without its name: what it shows.
func (o Output) Figure() Output {
	o.Name = ""
	return o
}

// figures are the figures of the request that the output is made of.
func (o *Output) figures() []*Output {
	if o.Kind == OutputAggregate {
		return []*Output{o}
	}
	return o.Expr.outputs()
}

// Figures are all figures of the request that the query shows, computes with or compares. The
// expression that HAVING or a CASE names by its alias is one of Output, and counts there.
func (c *Compiled) Figures() []*Output {
	var out []*Output
	for i := range c.Output {
		out = append(out, c.Output[i].figures()...)
	}
	return append(out, c.Having.outputs()...)
}

// Order is one key of ORDER BY: the number of an output column. NULL comes after
// every value, and before it with Desc.
type Order struct {
	Output int  `json:"output"`
	Desc   bool `json:"desc,omitempty"`
}

// requestVersion is the form of catalog.Request that Compile writes.
const requestVersion = 1
