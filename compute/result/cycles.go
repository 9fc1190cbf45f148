package result

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/sql"
)

// checkCycles checks the cycles of a query that may have come from elsewhere.
func checkCycles(c *sql.Compiled, d catalog.Descriptor) error {
	for _, name := range c.Cycles {
		y, own := sql.CycleNamed(name), c.Request.Grain()
		if y == nil || !own.Nests(y.Grain) || !d.Grain.Nests(own) {
			return fmt.Errorf("groups of a period's %s cannot be joined of groups by %q", name, own)
		}
	}
	if len(c.Cycles) == 0 {
		return nil
	}
	for _, o := range c.Figures() {
		if o.Form == aggregate.FormEntities || o.Relative == aggregate.RelativeYear {
			return fmt.Errorf("%s of joined periods does not follow from theirs", o.Name)
		}
	}
	return nil
}

// join adds up the sums of groups whose periods have the same place in the query's cycles. What
// is made of a withheld group is withheld.
func (b *builder) join() error {
	if len(b.query.Cycles) == 0 {
		return nil
	}
	if b.verdict.Noise != nil {
		return errors.New("sums with noise are not joined")
	}
	b.cycles = b.cyclePlaces()
	withheld := map[string]bool{}
	for _, at := range b.verdict.Withheld {
		if b.cycles[at.Period] != nil {
			withheld[b.joinKey(at, 0)] = true
		}
	}
	numbers, into, of := map[string]int{}, make([]int, len(b.groups)), [][]catalog.GroupIndex{}
	perPiece := len(b.groups) / b.grid.Pieces
	for group, at := range b.groups {
		into[group] = -1
		if b.cycles[at.Period] == nil || withheld[b.joinKey(at, 0)] {
			continue
		}
		key := b.joinKey(at, group/max(perPiece, 1))
		n, known := numbers[key]
		if !known {
			n = len(of)
			numbers[key], of = n, append(of, nil)
		}
		into[group], of[n] = n, append(of[n], at)
	}
	b.present = joinCounts(b.present, into, len(of))
	seen := map[*columnSums]bool{}
	for _, s := range b.opened {
		s.counts = joinCounts(s.counts, into, len(of))
		for _, c := range append(slices.Clone(s.buckets), s.sx, s.sy, s.sxx, s.syy, s.sxy) {
			if c != nil && !seen[c] {
				seen[c] = true
				c.counts, c.sums = joinCounts(c.counts, into, len(of)), joinSums(c.sums, into, len(of))
			}
		}
	}
	b.groups, b.joined = nil, of
	for _, parts := range of {
		b.groups = append(b.groups, parts[0])
	}
	return nil
}

// joinKey names what a group of a piece is joined to.
func (b *builder) joinKey(at catalog.GroupIndex, piece int) string {
	return fmt.Sprint(piece, at.Entity, b.cycles[at.Period])
}

// cyclePlaces are the places of the period groups in the query's cycles; nil of one without a period.
func (b *builder) cyclePlaces() [][]int64 {
	out := make([][]int64, len(b.verdict.PeriodGroups))
	for _, name := range b.query.Cycles {
		y := sql.CycleNamed(name)
		for i, g := range b.verdict.PeriodGroups {
			if len(g.Intervals) > 0 {
				out[i] = append(out[i], y.Of(b.descriptor.Grain, g.Intervals[0].From))
			}
		}
	}
	return out
}

// cycle is the place of a group's periods in a cycle of the query.
func (b *builder) cycle(group, i int) int64 { return b.cycles[b.groups[group].Period][i] }

// partsOf are the groups of the verdict that a group is made of.
func (b *builder) partsOf(group int) []catalog.GroupIndex {
	if b.joined == nil {
		return b.groups[group : group+1]
	}
	return b.joined[group]
}

// covered is the coverage of a group; of joined ones that of the least covered.
func (b *builder) covered(group int) (least catalog.Coverage, covered bool) {
	for i, at := range b.partsOf(group) {
		c, ok := b.coverage(at)
		if !ok {
			return least, false
		}
		if i == 0 || int64(c.Included)*int64(least.Of) < int64(least.Included)*int64(c.Of) {
			least = c
		}
	}
	return least, true
}

func joinCounts(list []int64, into []int, n int) []int64 {
	if list == nil {
		return nil
	}
	out := make([]int64, n)
	for group, v := range list {
		if into[group] >= 0 {
			out[into[group]] += v
		}
	}
	return out
}

func joinSums(list []*big.Int, into []int, n int) []*big.Int {
	out := make([]*big.Int, n)
	for i := range out {
		out[i] = new(big.Int)
	}
	for group, v := range list {
		if into[group] >= 0 {
			out[into[group]].Add(out[into[group]], v)
		}
	}
	return out
}
