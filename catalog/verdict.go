package catalog

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
)

// Verdict is the decision on an accepted query: exactly which cells of which
// versions of a dataset go into which released group. It is computed when the query
// is applied, stored, and everything later (slot maps, counts, the client's
// check) follows from it alone.
//
// The groups form a grid: EntityGroups × PeriodGroups. A figure may be summed from
// several versions, so what is taken of each of them is a layer. A cell (entity e,
// period p, column c) of version Layer.Release is counted in group (i, j) when
// Parts[Assign[e]].Group = i, the layer has the part Assign[e], p lies in
// PeriodGroups[j], (i, j) is not in Withheld, and p lies in no interval of an Exclusion
// of the layer for (c, Assign[e]). No cell (e, p, c) is counted in two layers.
//
// Its JSON has long lists packed (verdictpack.go).
type Verdict struct {
	Dataset      string         `json:"dataset"`
	Version      int            `json:"release"`           // the answer is as of this version, the newest that counts
	Amended      int            `json:"amended,omitempty"` // amendments of the descriptor that it was decided by
	Join         *JoinedVersion `json:"join,omitempty"`    // what its cells are multiplied with; each layer's with those of its Joined
	Columns      []Column       `json:"columns"`           // what is opened; none when only counts are asked for
	EntityGroups []EntityGroup  `json:"entity_groups"`
	PeriodGroups []PeriodGroup  `json:"period_groups"`
	// Parts are what the layers release of; none where nothing is released.
	Parts    PartList  `json:"parts,omitempty" encoding:"base64"`
	Assign   []byte    `json:"assign,omitempty"`                     // assignment.Pack: entity, of the layer with the most, → part, −1 for none
	Layers   []Layer   `json:"layers,omitempty"`                     // ascending by version, then by that which is joined; none where nothing is released
	Withheld GroupList `json:"withheld,omitempty" encoding:"base64"` // ascending
	// Coverage has one element a group of the grid, entity-major (group (i, j) is
	// element i·len(PeriodGroups)+j); empty for public data.
	Coverage CoverageList `json:"coverage,omitempty" encoding:"base64"`
	Noise    *Noise       `json:"noise,omitempty"` // of the request; nil: exact
	// Widths are, of a noised verdict some column of which is bounded by caps, how far one entity
	// can move what one of its cells adds to each column, times its weight where there is one, in the units of
	// the column; of counts 0. None: the columns' ranges, times the largest weight, say it.
	Widths  []int64     `json:"widths,omitempty"`
	In      string      `json:"in,omitempty"`      // the request's private selector
	Pieces  int         `json:"pieces,omitempty"`  // of In, whose figures are given one by one, each over the whole grid; 0: In as a whole
	Vectors []VectorUse `json:"vectors,omitempty"` // that the request names: In first, then weights as Columns name them
}

// Layer is what a verdict takes from one version. Entity groups are made of parts:
// of a protected dataset they are classes of its family (RELEASE.md section 1), else each
// group is one part.
type Layer struct {
	Version    int           `json:"release"`
	Joined     int           `json:"joined,omitempty"` // version of the verdict's second dataset; 0: that of Join
	Entities   int           `json:"entities"`         // registry length of the version
	Absent     []byte        `json:"absent,omitempty"` // bitmap, as Exclusion.Parts, of the parts that the layer takes nothing of; its last byte is not 0
	Exclusions ExclusionList `json:"exclusions,omitempty" encoding:"base64"`
}

// Has reports whether the layer takes anything of a part.
func (l Layer) Has(part int) bool {
	return part/8 >= len(l.Absent) || l.Absent[part/8]>>(part%8)&1 == 0
}

// Entities is how many entities the layer with the most has.
func (v Verdict) Entities() int {
	n := 0
	for _, l := range v.Layers {
		n = max(n, l.Entities)
	}
	return n
}

// Assigned are the parts that entities are assigned to, and −1. It fails where Assign is
// not of all entities, or of other parts than Parts.
func (v Verdict) Assigned() ([]int32, error) {
	assign, err := assignment.Unpack(v.Assign, v.Entities(), MaxRegistryRows)
	if err != nil {
		return nil, err
	}
	for e, part := range assign {
		if int(part) >= len(v.Parts) {
			return nil, fmt.Errorf("entity %d is assigned to part %d of %d", e, part, len(v.Parts))
		}
	}
	return assign, nil
}

// Assigned are, of what Verdict.Assigned returns, the parts that the layer has.
func (l Layer) Assigned(all []int32) []int32 {
	assign := slices.Clone(all[:l.Entities])
	if len(l.Absent) == 0 {
		return assign
	}
	for e, part := range assign {
		if part >= 0 && !l.Has(int(part)) {
			assign[e] = -1
		}
	}
	return assign
}

// Coverage says of how many entities a group of the grid consists.
type Coverage struct {
	Included int `json:"included"`            // counting entities that the figures take whole: in every period and column in which they count
	Of       int `json:"of"`                  // counting entities of the group, in the version as of which is answered
	HeldBack int `json:"held_back,omitempty"` // of those, entities with a correction in a later version that the figures do not have yet
}

// VersionOf names a version of a dataset that a verdict uses.
type VersionOf struct {
	Dataset string
	Version int
}

// Versions lists the versions that a verdict is computed from, each once: those of its
// layers, ascending, then those that they are joined with. A member of an active set
// holds all of them.
func (v Verdict) Versions() []VersionOf {
	var out, second []VersionOf
	add := func(list []VersionOf, one VersionOf) []VersionOf {
		if slices.Contains(list, one) {
			return list
		}
		return append(list, one)
	}
	for _, l := range v.Layers {
		out = add(out, VersionOf{v.Dataset, l.Version})
		if v.Join != nil {
			second = add(second, VersionOf{v.Join.Dataset, v.JoinedWith(l)})
		}
	}
	slices.SortFunc(second, func(a, b VersionOf) int { return a.Version - b.Version })
	return append(out, second...)
}

// JoinedWith is the version of the second dataset that a layer's cells are multiplied
// with; 0 for a verdict on one dataset.
func (v Verdict) JoinedWith(l Layer) int {
	if l.Joined == 0 && v.Join != nil {
		return v.Join.Version
	}
	return l.Joined
}

// Digest is what the ledger's decision on the query names the verdict by: of its JSON, with
// the labels of the groups and the commitments of the vectors.
func (v Verdict) Digest() Digest { return Sum(Encode(v)) }

// VectorUse is what a plan and a result need to know of a private vector.
type VectorUse struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Bits     int      `json:"bits"`               // an entity
	Pieces   int      `json:"pieces,omitempty"`   // of a partition; 0: weights
	Decimals int      `json:"decimals,omitempty"` // of weights
	Entities int      `json:"entities"`           // its length: later entities are not selected and weigh nothing
	By       []string `json:"by,omitempty"`       // attributes whose groups a partition may be asked by
	// Commitment is the digest of the envelope that registered it: nodes use no other
	// vector than the one that was judged.
	Commitment Digest `json:"commitment"`
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
// out). Of counts the entities that the request selected.
type EntityGroup struct {
	Values []string `json:"values,omitempty"`
	Of     int      `json:"of"`
}

// PeriodGroup is one value of the period dimension (empty without one) and the
// periods of the dataset's grain that it covers.
type PeriodGroup struct {
	Value     string              `json:"value,omitempty"`
	Intervals []calendar.Interval `json:"intervals"`
}

// Exclusion names periods of the dataset's grain, made of whole periods of the
// policy's grain, in which a column, or with Column −1 every one, is left out of a part
// of a layer, or with Part −1 of those of Parts. Where a class has no cell in the
// layer's version it need not be listed.
type Exclusion struct {
	Column    int                 `json:"column"`
	Part      int                 `json:"part"`
	Parts     []byte              `json:"parts,omitempty"` // bitmap: bit p of byte p/8 for part p; with Part −1
	Intervals []calendar.Interval `json:"intervals"`
}

// Each calls fn for every column, of so many, and every part, of so many, that the
// exclusion is of.
func (e Exclusion) Each(columns, parts int, fn func(column, part int)) {
	from, to := e.Column, e.Column+1
	if e.Column < 0 {
		from, to = 0, columns
	}
	for c := from; c < to; c++ {
		if e.Part >= 0 {
			fn(c, e.Part)
			continue
		}
		for p := range min(parts, 8*len(e.Parts)) {
			if e.Parts[p/8]>>(p%8)&1 != 0 {
				fn(c, p)
			}
		}
	}
}

// Fits reports whether the exclusion is of columns and parts that there are.
func (e Exclusion) Fits(columns, parts int) bool {
	if e.Column < -1 || e.Column >= columns || e.Part < -1 || e.Part >= parts || e.Part < 0 != (len(e.Parts) > 0) {
		return false
	}
	if e.Part >= 0 {
		return true
	}
	last := len(e.Parts) - 1
	return last < (parts+7)/8 && (8*last+8 <= parts || e.Parts[last]>>(parts-8*last) == 0)
}

// GroupIndex names a group of the grid.
type GroupIndex struct {
	Entity int `json:"e"`
	Period int `json:"p"`
}
