package disclosure

import (
	"math/big"
	"slices"
	"testing"
	"time"
)

// off is a condition that is switched off, and where the attacker then finds somebody.
type off struct {
	name    string
	about   kind
	rule    func(*conditions)
	owner   func(*owner)    // nil: public figures alone isolate somebody
	setting func(*scenario) // of the publisher's client
	within  int             // families
}

// nothing is changed about the owner, whose figures are released.
func nothing(*owner) {}

var conditionsOff = []off{
	{name: "counting in place of news", about: kindVersions, within: 200, rule: func(r *conditions) {
		r.news = func(_, counts Bits, _ bool) Bits { return counts }
	}},
	{name: "comparing literally overlapping periods only", about: kindGrains, within: 2000, setting: func(s *scenario) { s.literal = true }},
	{name: "related columns are not compared", about: kindRelated, within: 200, rule: func(r *conditions) {
		r.related = func(_ *relations, a, b columnRef) bool { return a == b }
	}, setting: func(s *scenario) { s.unrelated = true }},
	{name: "cells of one measure only in products", about: kindConstant, within: 1000, rule: func(r *conditions) {
		r.unpaired = func(int, int, int, bool) bool { return true }
	}},
	{name: "testing with units of older versions", about: kindVersions, owner: nothing, within: 4000, rule: func(r *conditions) {
		r.ownUnits = func(at, of, given int) bool { return at == of || given == of }
	}},
	{name: "counting units that are merely chosen", about: kindVersions, owner: nothing, within: 4000, rule: func(r *conditions) {
		r.ownUnits = func(at, of, given int) bool { return at == of || given == at }
	}},
	{name: "one side of the pieces only", about: kindVersions, owner: nothing, within: 400, rule: func(r *conditions) {
		r.mixed = func(c, _, _, k int, _ bool) int { return min(c, k) }
	}},
	{name: "a unit counts k where one side has k and the other one", about: kindVersions, owner: nothing, within: 400, rule: func(r *conditions) {
		r.mixed = func(c, rest, _, k int, _ bool) int {
			switch {
			case c == 0 || rest == 0:
				return 0
			case c >= k || rest >= k:
				return k
			}
			return 1
		}
	}},
	{name: "everybody but the piece in place of those in no piece", about: kindVersions, owner: nothing, within: 4000, rule: func(r *conditions) {
		r.mixed = func(c, rest, others, k int, both bool) int { return theRule.mixed(c, rest+others, 0, k, both) }
	}},
	{name: "a change for the piece is none", about: kindVersions, owner: nothing, within: 1000, rule: func(r *conditions) {
		r.unchanged = func(bool) bool { return true }
	}},
	{name: "two groupings on one source", about: kindVersions, within: 400, owner: func(o *owner) { o.twoLists = true }},
	{name: "groups that move with attributes", about: kindGrowth, within: 4000, owner: func(o *owner) { o.moving = true }},
}

// solvable returns two entities whose readings follow from their sum and the sum of
// their squares: figures that elimination takes for independent.
func (s *scenario) solvable() []int32 {
	for _, p := range s.panels {
		for _, v := range s.family.Versions(p.dataset.ID) {
			for _, c := range v.Columns {
				for at := v.Closed.From; at < v.Closed.To && c.Measure == c.With; at++ {
					for _, u := range v.Source(c, at).Units() {
						if pair := s.solve(p, v.Version, c, at, s.members(u)); pair != nil {
							return pair
						}
					}
				}
			}
		}
	}
	return nil
}

// solve finds x and y with x + y and x² + y² as the figures of a unit tell them.
func (s *scenario) solve(p *panel, version int, c Column, period int64, members []int32) []int32 {
	sums, squares := s.readings(p, version, Column{Measure: c.Measure}, period), s.readings(p, version, c, period)
	var two []int32
	var sum, square int64
	for _, e := range members {
		if int(e) < len(sums) && sums[e].cells > 0 {
			two, sum, square = append(two, e), sum+sums[e].sum, square+squares[e].sum
		}
	}
	if len(two) != 2 || sums[two[0]].cells != 1 || sums[two[1]].cells != 1 {
		return nil
	}
	root := new(big.Int).Sqrt(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(square), 1), new(big.Int).Mul(big.NewInt(sum), big.NewInt(sum))))
	x, y := (sum+root.Int64())/2, (sum-root.Int64())/2
	if got := []int64{sums[two[0]].sum, sums[two[1]].sum}; !slices.Contains(got, x) || !slices.Contains(got, y) {
		return nil
	}
	return two
}

func TestSumAndSquaresOfTwoAreNeverToldWithPInTheCohort(t *testing.T) {
	k := theRule
	k.momentCohort = func(k, _ int) int { return k }
	products, solved := 0, 0
	for i := range howMany(200) {
		s := drawFamily(t, seeded(uint64(i), "squares"), kindMoments, nil)
		products += s.reached["products"]
		if pair := s.solvable(); pair != nil {
			t.Fatalf("family %d: the readings of %v follow from their sum and squares", i, pair)
		}
		solved += b2i(drawFamily(t, seeded(uint64(i), "squares"), kindMoments, &k).solvable() != nil)
	}
	if t.Logf("without p somebody in %d families, with it nobody in %d products", solved, products); products == 0 || solved == 0 {
		t.Error("the attack reaches nothing")
	}
}

func TestEachConditionProtectsSomebody(t *testing.T) {
	for _, c := range conditionsOff {
		t.Run(c.name, func(t *testing.T) {
			rule, start := theRule, time.Now()
			if c.rule != nil {
				c.rule(&rule)
			}
			setting := func(s *scenario) {
				if s.exact = true; c.setting != nil {
					c.setting(s)
				}
			}
			isolated, first := 0, -1
			n := max(c.within, *families)
			for i := range n {
				var found []int
				if c.owner == nil {
					_, found = attackPublic(t, uint64(i), c.about, &rule, setting)
				} else {
					_, found = attackPrivate(t, uint64(i), c.about, &rule, c.owner, setting)
				}
				if found == nil {
					continue
				}
				if isolated++; first < 0 {
					first = i
				}
				if *families == 0 {
					break
				}
			}
			t.Logf("%d of %d families isolate somebody, the first is %d; %v", isolated, n, first, time.Since(start).Round(time.Millisecond))
			if isolated == 0 {
				t.Error("nobody is isolated without the condition: either it is not needed or the attack does not reach it")
			}
		})
	}
}
