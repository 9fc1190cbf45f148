package judge

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/tables"
)

// evaluation computes a verdict.
type evaluation struct {
	descriptor catalog.Descriptor
	amended    int             // amendments that it follows
	version    catalog.Version // as of which is answered
	request    catalog.Request
	table      *tables.Table // of the version's entities
	counts     func(measure string) (records.Bitmaps, error)
	extent     []calendar.Interval           // periods of the dataset's grain that may be asked
	join       *joinedSide                   // the second dataset; nil without one
	vectors    []catalog.VectorUse           // private ones that the request names
	caps       func() ([]caps.Column, error) // in force of the version, of measures that have caps still
	limits     map[string][]int32            // by weights of which each entity may have so many bits: how many
	list       *listing                      // of an exact query with a private partition on a protected dataset
	rule       *protection                   // of a protected dataset whose exact sums are asked for
	least      int                           // min_cohort of the contract, if it asks for more
	allowed    func(catalog.Request) bool    // whether the contracts cover another request; nil: all
	noised     string                        // largest epsilon that could be asked with; empty: none
	advise     bool                          // whether a refusal looks for a change that would pass
	trial      bool                          // whether only the decision matters, not what is said of it

	intervals []calendar.Interval // selected periods, within the extent
	assign    []int32             // entity → group, −1: none
	verdict   catalog.Verdict
	grid      int // groups
}

// run returns the verdict, a *Refusal or a fault of the store.
func (v *evaluation) run() (catalog.Verdict, error) {
	v.verdict = catalog.Verdict{
		Dataset: v.descriptor.Dataset, Version: v.version.Version, Amended: v.amended, Columns: v.request.Columns(v.descriptor), Noise: v.request.Noise,
		In: v.request.In, Vectors: v.vectors, Join: v.join.verdict(),
	}
	if v.request.ByPiece() {
		v.verdict.Pieces = v.partition().Pieces
	}
	protect := v.whole
	switch {
	case v.list != nil:
		protect = v.protectListed
	case v.rule != nil && v.join != nil:
		protect = v.protectJoined
	case v.rule != nil:
		protect = v.protect
	}
	for _, step := range []func() error{v.selectPeriods, v.groupPeriods, v.groupEntities, v.checkSize, v.checkMagnitude, protect, v.boundWidths} {
		if err := step(); err != nil {
			return catalog.Verdict{}, err
		}
	}
	return v.verdict, nil
}

// partition is the private partition that a request is within.
func (v *evaluation) partition() catalog.VectorUse {
	return v.vectors[slices.IndexFunc(v.vectors, func(u catalog.VectorUse) bool { return u.ID == v.request.In })]
}

// whole takes all cells of the version: nothing is protected, only counts are asked
// for, or noise protects what is.
func (v *evaluation) whole() error {
	v.verdict.Assign = assignment.Pack(v.assign)
	for i, g := range v.verdict.EntityGroups {
		v.verdict.Parts = append(v.verdict.Parts, catalog.Part{Group: i, Class: -1})
		if !v.descriptor.Policy.Public {
			v.verdict.Coverage = append(v.verdict.Coverage, slices.Repeat([]catalog.Coverage{{Included: g.Of, Of: g.Of}}, len(v.verdict.PeriodGroups))...)
		}
	}
	v.verdict.Layers = []catalog.Layer{{Version: v.version.Version, Entities: v.version.Entities}}
	if v.request.Noise != nil && !v.descriptor.Policy.Public && AnyEncrypted(v.verdict.Columns) {
		return v.protectNoised()
	}
	return nil
}

// extentOf are the periods that a version has.
func extentOf(v catalog.Version) calendar.Interval {
	return calendar.Interval{From: v.First, To: v.First + int64(v.Periods)}
}

// selectPeriods cuts the request's periods to those that may be asked and, for a
// protected dataset, refuses those that split a period of the policy's grain.
func (v *evaluation) selectPeriods() error {
	extent := v.extent
	if len(extent) == 0 {
		return v.nothingComplete()
	}
	wanted := v.request.Periods
	if len(wanted) == 0 {
		wanted = extent
	}
	v.intervals = intersect(wanted, extent)
	d := v.descriptor
	if len(v.intervals) == 0 {
		first, last := d.Grain.Format(extent[0].From), d.Grain.Format(extent[len(extent)-1].To-1)
		r := catalog.Refuse(catalog.RefusedInvalid, catalog.RuleEmpty, "query.no_period", v.version.Version, d.Dataset, first, last)
		if v.join != nil {
			r = catalog.Refuse(catalog.RefusedInvalid, catalog.RuleEmpty, "query.no_joint_period", d.Dataset, v.join.dataset.ID, first, last)
		}
		return r.WithField("periods")
	}
	if d.Policy.Public {
		return nil
	}
	for _, i := range v.intervals {
		for _, edge := range [2]int64{i.From, i.To} {
			whole := d.Policy.Grain.Span(d.Grain.In(edge, d.Policy.Grain), d.Grain)
			if whole.From != edge && !slices.ContainsFunc(extent, func(e calendar.Interval) bool { return edge == e.From || edge == e.To }) {
				return v.splits(edge)
			}
		}
	}
	return nil
}

// nothingComplete refuses a query where no period may be asked.
func (v *evaluation) nothingComplete() *catalog.Refusal {
	if v.join != nil {
		return catalog.Refuse(catalog.RefusedInvalid, catalog.RuleEmpty, "query.no_common_period",
			v.version.Version, v.descriptor.Dataset, v.join.version.Version, v.join.dataset.ID)
	}
	return catalog.Refuse(catalog.RefusedInvalid, catalog.RuleEmpty, "query.no_complete_period",
		v.descriptor.Dataset, v.version.Version, v.descriptor.Policy.Grain)
}

// splits refuses a request whose periods begin or end in the middle of one of
// the policy's.
func (v *evaluation) splits(edge int64) *catalog.Refusal {
	d := v.descriptor
	policy := d.Policy.Grain.Format(d.Grain.In(edge, d.Policy.Grain))
	return catalog.Refuse(catalog.RefusedPolicy, "grain", "query.part_period", policy, d.Dataset, d.Policy.Grain).
		WithField("periods")
}

// intersect are the parts that two lists of ascending, disjoint intervals have in
// common, one for each two that overlap: parts that touch stay apart.
func intersect(list, extent []calendar.Interval) []calendar.Interval {
	var out []calendar.Interval
	for _, i := range list {
		for _, e := range extent {
			from, to := max(i.From, e.From), min(i.To, e.To)
			if from < to {
				out = append(out, calendar.Interval{From: from, To: to})
			}
		}
	}
	return out
}

// checkSize refuses verdicts and shares that do not fit.
func (v *evaluation) checkSize() error {
	v.grid = len(v.verdict.EntityGroups) * len(v.verdict.PeriodGroups)
	numbers := v.grid * v.verdict.PieceCount()
	if numbers > catalog.MaxGroups {
		return tooManyGroups(int64(numbers))
	}
	// Sealed bytes travel as base64 in the payload.
	if n := catalog.MaxSealed(numbers, len(v.verdict.Columns)); n/3*4+catalog.SealedOverhead > catalog.MaxEnvelope {
		return catalog.Refuse(catalog.RefusedPolicy, "max_share", "query.max_share", numbers, len(v.verdict.Columns), n, maxSharedGroups(len(v.verdict.Columns))).
			WithNumber("groups", int64(numbers)).WithNumber("columns", int64(len(v.verdict.Columns))).WithNumber("bytes", int64(n)).
			WithNumber("max_groups", int64(maxSharedGroups(len(v.verdict.Columns))))
	}
	size := 0
	for _, g := range v.verdict.EntityGroups {
		for _, s := range g.Values {
			size += len(s) + 4
		}
	}
	for _, g := range v.verdict.PeriodGroups {
		size += 48 * len(g.Intervals)
	}
	if size > catalog.MaxVerdict/4 {
		return catalog.Refuse(catalog.RefusedPolicy, "max_verdict", "query.max_values", size, catalog.MaxVerdict/4, (size+catalog.MaxVerdict/4-1)/(catalog.MaxVerdict/4)).
			WithNumber("bytes", int64(size)).WithNumber("max_bytes", catalog.MaxVerdict/4)
	}
	return nil
}

// maxSharedGroups is how many groups of so many columns a share has room for.
func maxSharedGroups(columns int) int {
	room := (catalog.MaxEnvelope - catalog.SealedOverhead) / 4 * 3
	return (room-catalog.MaxSealed(-1, 0))/(8*columns) - 1
}

// checkMagnitude refuses sums that could leave the plaintext space: greatest
// distance from the middle of the range × cells of the largest group.
func (v *evaluation) checkMagnitude() error {
	entities, periods := 0, int64(0)
	for _, g := range v.verdict.EntityGroups {
		entities = max(entities, g.Of)
	}
	for _, g := range v.verdict.PeriodGroups {
		n := int64(0)
		for _, i := range g.Intervals {
			n += i.To - i.From
		}
		periods = max(periods, n)
	}
	cells := int64(entities) * periods // at most MaxTiles × TileCells
	for _, c := range v.verdict.Columns {
		widest := c.Widest(v.descriptor)
		if heaviest := largestWeight(v.verdict, c); widest <= catalog.MaxSum/heaviest {
			widest *= heaviest
		} else {
			widest = catalog.MaxSum + 1 // never fits
		}
		if widest > catalog.MaxSum/cells {
			return catalog.Refuse(catalog.RefusedPolicy, "magnitude", "query.magnitude", c, cells, widest, int64(catalog.MaxSum)).
				WithFixes(smallerGroups(catalog.MaxSum/widest)).WithField(v.fieldOf(c)).
				WithNumber("cells", cells).WithNumber("widest", widest).WithNumber("max_sum", catalog.MaxSum).WithNumber("max_cells", catalog.MaxSum/widest)
		}
	}
	return nil
}

// fieldOf is the aggregate of the request that needs a column.
func (v *evaluation) fieldOf(c catalog.Column) string {
	i := slices.IndexFunc(v.request.Select, func(a catalog.Aggregate) bool {
		return slices.Contains(v.request.ColumnsOf(a, v.descriptor), c)
	})
	if i < 0 {
		return "select"
	}
	return fmt.Sprintf("select[%d]", i)
}

// smallerGroups says how many cells of a column a group may have.
func smallerGroups(cells int64) catalog.Reason {
	if cells == 0 {
		return catalog.Why("fix.no_sum_fits")
	}
	return catalog.Why("fix.smaller_groups", cells)
}
