package judge

import (
	"math/big"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/caps"
)

// boundWidths says in a noised verdict how far one entity can move what one of its cells adds to a
// column, where that follows from caps: for each column the most of all entities of groups that are
// released, each by its own cap and the bits that its weight may have. Nothing is said where no
// column gains by it, so that verdicts without caps are what they were.
//
// Whoever is in no released group moves nothing, and who is is public: attributes, presence and the
// condition decide it, none of which a reading moves. So a condition that leaves large entities
// out makes noise smaller and tells nothing of those who are in. In a private selection the nodes
// do not know who is in: all entities of the public group are looked at.
func (v *evaluation) boundWidths() error {
	if v.request.Noise == nil || v.join != nil || v.trial { // what is joined is bounded by the ranges
		return nil
	}
	columns, err := v.caps()
	if err != nil {
		return err
	}
	if columns == nil && len(v.limits) == 0 {
		return nil
	}
	released := releasedEntities(v.verdict, v.assign)
	widths, gains := make([]int64, len(v.verdict.Columns)), false
	for i, c := range v.verdict.Columns {
		if c.Count {
			continue
		}
		x, y := v.descriptor.MeasureNamed(c.Measure), v.descriptor.MeasureNamed(c.Times)
		heaviest := big.NewInt(largestWeight(v.verdict, c))
		whole := caps.Width(c, x, y, x.Max, y.Max)
		if c.Bucket > 0 {
			whole = big.NewInt(1)
		}
		whole.Mul(whole, heaviest)
		most := new(big.Int)
		capX, capY := capsOf(columns, c.Measure), capsOf(columns, c.Times)
		bits := v.limits[c.Weight]
		for _, e := range released {
			width := whole
			if c.Bucket == 0 {
				width = caps.Width(c, x, y, capOf(capX, e, x), capOf(capY, e, y))
				weight := heaviest
				if c.Weight != "" && e < len(bits) {
					weight = big.NewInt(1<<bits[e] - 1)
				}
				width.Mul(width, weight)
			}
			if width.Cmp(most) > 0 {
				most = width
			}
		}
		widths[i], gains = most.Int64(), gains || most.Cmp(whole) < 0 // within MaxSum, by checkMagnitude
	}
	if gains {
		v.verdict.Widths = widths
	}
	return nil
}

// releasedEntities are the entities of the groups that are released in some period; assign says in which group each is.
func releasedEntities(verdict catalog.Verdict, assign []int32) []int {
	periods := len(verdict.PeriodGroups)
	withheld := make([]int, len(verdict.EntityGroups))
	for _, w := range verdict.Withheld {
		withheld[w.Entity]++
	}
	var out []int
	for e, g := range assign {
		if g >= 0 && withheld[g] < periods {
			out = append(out, e)
		}
	}
	return out
}

// capsOf are the caps of a measure; nil: it has none.
func capsOf(columns []caps.Column, measure string) []int64 {
	for _, c := range columns {
		if c.Measure.Name == measure {
			return c.Caps
		}
	}
	return nil
}

// capOf is an entity's cap; that of one that has none is the range's end.
func capOf(list []int64, entity int, m catalog.Measure) int64 {
	if entity >= len(list) {
		return m.Max
	}
	return list[entity]
}
