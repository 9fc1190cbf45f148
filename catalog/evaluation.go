package catalog

import (
	"fmt"
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// bitmaps are a measure's counting bitmaps, one a period of the policy's grain.
type bitmaps = []*bitset.BitSet

// evaluation computes a verdict.
type evaluation struct {
	descriptor  Descriptor
	version     Version
	request     Request
	table       *Table // of the version's entities
	counts      func(measure string) (bitmaps, error)
	sets        func() ([]CellSet, error) // of the version
	join        *joinedSide               // the second dataset; nil without one
	vectors     []VectorUse               // private ones that the request names
	commitments []Digest                  // theirs
	kin         *kinship                  // of a protected dataset whose sums are asked for
	whole       *Table                    // of all entities of the registry, with kin
	least       int                       // min_cohort of the contract, if it asks for more
	allowed     func(Request) bool        // whether the contracts cover another request; nil: all
	noised      string                    // largest epsilon that could be asked with; empty: none
	advise      bool                      // whether a refusal looks for a change that would pass
	trial       bool                      // whether only the decision matters, not what is said of it

	intervals []Interval // selected periods, clipped to the version
	assign    []int32    // entity → group, −1: none
	reach     []int32    // likewise, of all entities of the registry
	outcome   outcome
	verdict   Verdict
	grid      int // groups
}

// run returns the verdict, a *Refusal or a fault of the store.
func (v *evaluation) run() (Verdict, error) {
	v.verdict = Verdict{
		Dataset: v.descriptor.Dataset, Release: v.version.Version, Entities: v.version.Entities, Columns: v.request.columns(v.descriptor), Noise: v.request.Noise,
		In: v.request.In, Vectors: v.vectors, Join: v.join.release(),
	}
	steps := []func() *Refusal{v.selectPeriods, v.groupPeriods, v.groupEntities, v.checkSize, v.checkMagnitude}
	for _, step := range steps {
		if r := step(); r != nil {
			return Verdict{}, r
		}
	}
	if v.kin != nil {
		protect := v.protect
		if v.join != nil {
			protect = v.protectJoined
		}
		if err := protect(); err != nil {
			return Verdict{}, err
		}
		return v.verdict, nil
	}
	for i := range v.verdict.EntityGroups {
		v.verdict.EntityGroups[i].Included = v.verdict.EntityGroups[i].Of
		v.verdict.Parts = append(v.verdict.Parts, Part{Group: i, Class: -1})
	}
	if v.request.Noise != nil && !v.descriptor.Policy.Public && encrypted(v.verdict.Columns) {
		if err := v.protectNoised(); err != nil {
			return Verdict{}, err
		}
	}
	v.verdict.Assign = PackAssign(v.assign)
	return v.verdict, nil
}

// selectPeriods clips the request's periods to the version's and, for a
// protected dataset, refuses those that split a period of the policy's grain.
func (v *evaluation) selectPeriods() *Refusal {
	extent := Interval{From: v.version.First, To: v.version.First + int64(v.version.Periods)}
	if v.join != nil {
		other := v.join.extent()
		extent.From, extent.To = max(extent.From, other.From), min(extent.To, other.To)
		if extent.From >= extent.To {
			return refuse(RefusedInvalid, RuleEmpty, "version %d of dataset %s and version %d of dataset %s have no period in common",
				v.version.Version, v.descriptor.Dataset, v.join.version.Version, v.join.dataset.ID).
				withFix("ask each of them alone, or wait for a version that reaches the other's periods")
		}
	}
	wanted := v.request.Periods
	if len(wanted) == 0 {
		wanted = []Interval{extent}
	}
	v.intervals = clip(wanted, extent)
	d := v.descriptor
	if len(v.intervals) == 0 {
		first, last := d.Grain.Format(extent.From), d.Grain.Format(extent.To-1)
		where := fmt.Sprintf("version %d of dataset %s, which has %s to %s", v.version.Version, d.Dataset, first, last)
		if v.join != nil {
			where = fmt.Sprintf("the versions of datasets %s and %s, which have %s to %s in common", d.Dataset, v.join.dataset.ID, first, last)
		}
		r := refuse(RefusedInvalid, RuleEmpty, "no period of the query lies in %s", where).withFix("ask for periods between '%s' and '%s'", first, last)
		r.Field = "periods"
		return r
	}
	if d.Policy.Public || v.loose() {
		return nil
	}
	for _, i := range v.intervals {
		for _, edge := range [2]int64{i.From, i.To} {
			whole := d.Policy.Grain.Span(d.Grain.In(edge, d.Policy.Grain), d.Grain)
			if whole.From != edge && edge != extent.From && edge != extent.To {
				return v.splits(edge)
			}
		}
	}
	return nil
}

// loose reports whether a test has switched the class rule off.
func (v *evaluation) loose() bool { return v.kin != nil && v.kin.classes != nil && v.kin.classes.loose }

// splits refuses a request whose periods begin or end in the middle of one of
// the policy's.
func (v *evaluation) splits(edge int64) *Refusal {
	d := v.descriptor
	policy := d.Policy.Grain.Format(d.Grain.In(edge, d.Policy.Grain))
	r := refuse(RefusedPolicy, "grain", "the query takes only a part of %s; dataset %s releases whole periods of its policy's grain, %s",
		policy, d.Dataset, d.Policy.Grain).withFix("take %s as a whole or leave it out", policy)
	r.Field = "periods"
	return r
}

// clip cuts ascending intervals to the extent.
func clip(list []Interval, extent Interval) []Interval {
	var out []Interval
	for _, i := range list {
		from, to := max(i.From, extent.From), min(i.To, extent.To)
		if from < to {
			out = append(out, Interval{From: from, To: to})
		}
	}
	return out
}

// checkSize refuses verdicts and shares that do not fit.
func (v *evaluation) checkSize() *Refusal {
	v.grid = len(v.verdict.EntityGroups) * len(v.verdict.PeriodGroups)
	if v.grid > MaxGroups {
		return tooManyGroups(int64(v.grid))
	}
	// Sealed bytes travel as base64 in the payload.
	if n := MaxSealed(v.grid, len(v.verdict.Columns)); n/3*4+sealedOverhead > MaxEnvelope {
		return refuse(RefusedPolicy, "max_share", "%d groups of %d columns make shares of %d bytes, more than fit into an envelope", v.grid, len(v.verdict.Columns), n).
			withFix("ask for at most %d groups of so many columns at a time", maxSharedGroups(len(v.verdict.Columns))).
			withNumber("groups", int64(v.grid)).withNumber("columns", int64(len(v.verdict.Columns))).withNumber("bytes", int64(n)).
			withNumber("max_groups", int64(maxSharedGroups(len(v.verdict.Columns))))
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
	if size > MaxVerdict/4 {
		return refuse(RefusedPolicy, "max_verdict", "the values of the groups make %d bytes, at most %d are possible", size, MaxVerdict/4).
			withFix("group by fewer dimensions, or ask in at least %d parts", (size+MaxVerdict/4-1)/(MaxVerdict/4)).
			withNumber("bytes", int64(size)).withNumber("max_bytes", MaxVerdict/4)
	}
	return nil
}

// maxSharedGroups is how many groups of so many columns a share has room for.
func maxSharedGroups(columns int) int {
	room := (MaxEnvelope - sealedOverhead) / 4 * 3
	return (room-MaxSealed(-1, 0))/(8*columns) - 1
}

// checkMagnitude refuses sums that could leave the plaintext space: greatest
// distance from the middle of the range × cells of the largest group.
func (v *evaluation) checkMagnitude() *Refusal {
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
		if heaviest := v.verdict.weight(c); widest <= MaxSum/heaviest {
			widest *= heaviest
		} else {
			widest = MaxSum + 1 // never fits
		}
		if widest > MaxSum/cells {
			r := refuse(RefusedPolicy, "magnitude", "the sum of %s over %d cells could reach %d × %d, more than %d",
				c.words(), cells, cells, widest, int64(MaxSum)).
				withFix("%s", smallerGroups(MaxSum/widest)).
				withNumber("cells", cells).withNumber("widest", widest).withNumber("max_sum", MaxSum).withNumber("max_cells", MaxSum/widest)
			r.Field = v.fieldOf(c)
			return r
		}
	}
	return nil
}

// fieldOf is the aggregate of the request that needs a column.
func (v *evaluation) fieldOf(c Column) string {
	i := slices.IndexFunc(v.request.Select, func(a Aggregate) bool {
		return slices.Contains(v.request.columnsOf(a, v.descriptor), c)
	})
	if i < 0 {
		return "select"
	}
	return fmt.Sprintf("select[%d]", i)
}

// smallerGroups says how many cells of a column a group may have.
func smallerGroups(cells int64) string {
	if cells == 0 {
		return "no sum of it fits; its publisher would have to declare a narrower range or fewer decimals"
	}
	return fmt.Sprintf("ask for groups of at most %d cells, entities × periods", cells)
}
