package catalog

// Verdict is the decision on an accepted query: exactly which cells of which
// dataset version go into which released group. It is computed when the query
// is applied, stored, and everything later (slot maps, counts, the client's
// check) follows from it alone.
//
// The groups form a grid: EntityGroups × PeriodGroups. Entity groups are made of
// parts: of a protected dataset they are classes of its family (DESIGN section 8,
// point 1), else each group is one part. A cell of the panel (entity e, period p,
// column c) is counted in group (i, j) when Parts[Assign[e]].Group = i, p lies in
// PeriodGroups[j], (i, j) is not in Withheld, and p lies in no interval of an
// Exclusion for (c, Assign[e]).
type Verdict struct {
	Dataset      string         `json:"dataset"`
	Release      int            `json:"release"`
	Join         *JoinedRelease `json:"join,omitempty"` // what its cells are multiplied with
	Entities     int            `json:"entities"`       // registry length of the release
	Columns      []Column       `json:"columns"`        // what is opened; none when only counts are asked for
	EntityGroups []EntityGroup  `json:"entity_groups"`
	PeriodGroups []PeriodGroup  `json:"period_groups"`
	Parts        []Part         `json:"parts"`  // ascending
	Assign       []byte         `json:"assign"` // PackAssign: entity → part, −1 for none
	Exclusions   []Exclusion    `json:"exclusions,omitempty"`
	Withheld     []GroupIndex   `json:"withheld,omitempty"` // ascending
	Noise        *Noise         `json:"noise,omitempty"`    // of the request; nil: exact
	In           string         `json:"in,omitempty"`       // the request's private selector
	Vectors      []VectorUse    `json:"vectors,omitempty"`  // that the request names: In first, then weights as Columns name them
}

// VectorUse is what a plan and a result need to know of a private vector.
type VectorUse struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Bits     int    `json:"bits"`               // an entity
	Decimals int    `json:"decimals,omitempty"` // of weights
	Entities int    `json:"entities"`           // its length: later entities are not selected and weigh nothing
}

// Part is what a release takes together: a class of the family, wholly inside its
// group, or for verdicts that protect nothing the whole group, Class −1.
type Part struct {
	Group int `json:"g"`
	Class int `json:"c"`
}

// Column is one column of sums over the groups. By its fields it sums, over the
// cells that count:
//
//   - Measure: its readings;
//   - Measure and With: its readings where With has one too;
//   - Measure and Times: the products of both (Times = Measure: squares), centred;
//     with a measure of a second dataset (Joined), of the readings themselves;
//   - Measure and Bucket: how many readings lie in its bucket of that number, 1 the
//     lowest;
//   - Count: the cells of Measure, or without one those in which any measure is
//     present. Only queries with a private vector need it; else counts are public.
//
// With Weight, the id of a private vector, each is multiplied by the entity's weight.
type Column struct {
	Measure string `json:"measure,omitempty"`
	With    string `json:"with,omitempty"`
	Times   string `json:"times,omitempty"`
	Bucket  int    `json:"bucket,omitempty"`
	Count   bool   `json:"count,omitempty"`
	Weight  string `json:"weight,omitempty"`
}

// EntityGroup is one combination of the values of the entity dimensions, in
// the order in which they stand in the request's By (its period dimension left
// out). Of counts the entities that the request selected, Included those of the
// parts that are released in some column and period.
type EntityGroup struct {
	Values   []string `json:"values,omitempty"`
	Included int      `json:"included"`
	Of       int      `json:"of"`
}

// PeriodGroup is one value of the period dimension (empty without one) and the
// periods of the dataset's grain that it covers.
type PeriodGroup struct {
	Value     string     `json:"value,omitempty"`
	Intervals []Interval `json:"intervals"`
}

// Exclusion names periods of the dataset's grain, made of whole periods of the
// policy's grain, in which a column is left out of a part, because the class does
// not contribute there (DESIGN section 8, point 2). Classes without any cell
// there are not listed.
type Exclusion struct {
	Column    int        `json:"column"`
	Part      int        `json:"part"`
	Intervals []Interval `json:"intervals"`
}

// GroupIndex names a group of the grid.
type GroupIndex struct {
	Entity int `json:"e"`
	Period int `json:"p"`
}
