package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/fit"
)

// errCohort ends a query whose cohort test failed. It is told to the ledger as such,
// and nothing else of it was opened.
var errCohort = errors.New("the cohort test failed")

// privateOpening is what a member has of a private query's attempt once its
// accumulators are open: the slots of the columns that a private vector multiplies.
type privateOpening struct {
	plan  *query.Plan
	slots [][]uint64 // by accumulator; nil where the column has no vector
}

func newPrivateOpening(plan *query.Plan) *privateOpening {
	return &privateOpening{plan: plan, slots: make([][]uint64, len(plan.Accumulators))}
}

// take keeps an accumulator's slots when its column has a vector, and says whether it
// did.
func (p *privateOpening) take(number int, slots []uint64) bool {
	if !p.plan.Private() || p.plan.Vector(p.plan.Accumulators[number].Column) == "" {
		return false
	}
	p.slots[number] = slots
	return true
}

func (p *privateOpening) wipe() { wipeShares(p.slots) }

// answerPrivately adds to the values this node's shares of every column that a private
// vector has a part in (PROTOCOL section 6). The parity of what was opened is checked
// by then. First comes the cohort test, where there is one: until it has passed
// nothing is multiplied. The plan's counts are made of this node's own share of the
// vector and need nobody else.
func (n *Node) answerPrivately(ctx context.Context, id string, o opening, p *privateOpening, values []uint64) error {
	if err := n.outcomes.begin(o.session); err != nil {
		return err
	}
	vectors, err := n.vectorsOf(id, o.points())
	if err != nil {
		return err
	}
	defer vectors.wipe()
	talk := &talk{node: n, opening: o}
	o.headway.enter(wire.StageCohort)
	if err := n.testCohorts(ctx, id, talk, vectors); err != nil {
		return err
	}
	o.headway.enter(wire.StageProducts)
	groups := len(p.plan.Groups)
	for c := range p.plan.Columns {
		vector := vectors.of(p.plan.Vector(c))
		if vector == nil {
			continue
		}
		var shares []uint64
		if p.plan.Kinds[c].Count {
			shares, err = n.countPrivately(p.plan.CountCells(c), vector, groups)
		} else {
			shares, err = n.sumPrivately(ctx, talk, p, c, vector)
		}
		if err != nil {
			return err
		}
		if err := n.params.AddMod(values[c*groups:(c+1)*groups], shares); err != nil {
			return err
		}
	}
	return nil
}

// talk numbers the computations on shares of one attempt.
type talk struct {
	node    *Node
	opening opening
	next    int
}

// run drives the next computation to its end.
func (t *talk) run(ctx context.Context, c computation) error {
	first := t.next
	t.next += stageMessages
	if err := t.node.converse(ctx, t.opening, first, c); err != nil {
		return fmt.Errorf("%w: %w", errHalfway, err)
	}
	return nil
}

// session names the next computation.
func (t *talk) session(purpose string) he.Session {
	return t.node.session(t.opening, fmt.Sprintf("%s %d", purpose, t.next/stageMessages))
}

// privateVectors are this node's additive shares of the vectors that a query names.
type privateVectors struct {
	ids    []string
	values [][]uint64 // one an entity of the vector
	exact  string     // the selector of a query that is tested; empty: there is none
}

func (v *privateVectors) wipe() { wipeShares(v.values) }

// of returns a vector, nil for none.
func (v *privateVectors) of(id string) []uint64 {
	if i := slices.Index(v.ids, id); i >= 0 {
		return v.values[i]
	}
	return nil
}

// vectorsOf reads the shares of the vectors that a query names.
func (n *Node) vectorsOf(id string, active []int) (_ *privateVectors, err error) {
	var records []catalog.Vector
	var verdict catalog.Verdict
	err = n.view(func(v catalog.View) error {
		if verdict, err = v.Verdict(id); err != nil {
			return err
		}
		for _, use := range verdict.Vectors {
			x, err := v.Vector(use.ID)
			if err != nil {
				return err
			}
			records = append(records, x)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load the vectors of query %s: %w", id, err)
	}
	out := &privateVectors{}
	if verdict.Noise == nil {
		out.exact = verdict.In
	}
	for _, x := range records {
		// A query that was accepted is answered, also when the vector was dropped
		// since, for as long as the share is here.
		share, err := n.vectorShare(x)
		if err != nil {
			out.wipe()
			return nil, err
		}
		values, err := share.Values(active)
		share.Erase()
		if err != nil {
			out.wipe()
			return nil, fmt.Errorf("weight the share of vector %s: %w", x.ID, err)
		}
		out.ids, out.values = append(out.ids, x.ID), append(out.values, values)
	}
	return out, nil
}

// testCohorts has the members find out whether every cohort of an exact query has none
// or min_cohort selected entities, and others. It opens one bit.
func (n *Node) testCohorts(ctx context.Context, id string, t *talk, vectors *privateVectors) error {
	if vectors.exact == "" {
		return nil
	}
	var least int
	var sets []catalog.CohortSet
	err := n.view(func(v catalog.View) (err error) {
		least, sets, err = v.CohortSets(id)
		return err
	})
	if err != nil {
		return fmt.Errorf("find the cohorts of query %s: %w", id, err)
	}
	if len(sets) == 0 {
		return nil
	}
	cohorts := fit.CohortsOf(sets)
	defer clear(cohorts)
	if most := he.CohortFactors(least, cohorts); least > he.MaxCohortMinimum || most > productEntries {
		return refusef("the cohort test multiplies %d numbers for groups of %d entities, at most %d of %d are possible", most, least, productEntries, he.MaxCohortMinimum)
	}
	selector := vectors.of(vectors.exact)
	one := []uint64{0}
	for i, s := range sets {
		one[0] = 0
		for _, e := range s.Members {
			if int(e) < len(selector) { // later entities are not selected
				if err := n.params.AddMod(one, selector[e:e+1]); err != nil {
					return err
				}
			}
		}
		cohorts[i].Share = one[0]
	}
	// A version that went live since changes the sets. Members whose states differ
	// would multiply shares of different numbers, get one that is hardly ever 0, and
	// take a test for passed that is not: so what they send is bound to the sets.
	test, err := he.NewCohortTest(n.products, t.session(cohortPurpose(least, sets)), n.point, least, cohorts)
	if err != nil {
		return err
	}
	if err := t.run(ctx, test); err != nil {
		return err
	}
	passed, err := test.Passed()
	if err != nil {
		return err
	}
	if !passed {
		return errCohort
	}
	return nil
}

// cohortPurpose names a cohort test by all that it is about.
func cohortPurpose(least int, sets []catalog.CohortSet) string {
	b := binary.LittleEndian.AppendUint64(nil, uint64(least)) //nolint:gosec // at least 2
	for _, s := range sets {
		rest := byte(0)
		if s.NoRest {
			rest = 1
		}
		b = binary.LittleEndian.AppendUint32(append(b, rest), uint32(len(s.Members))) //nolint:gosec // at most a registry's rows
		for _, e := range s.Members {
			b = binary.LittleEndian.AppendUint32(b, uint32(e)) //nolint:gosec // a position in a registry
		}
	}
	return "cohort test of " + catalog.Sum(b).String()
}

// sumPrivately computes this node's shares of a column's sums, weighted by a vector.
// It takes as many accumulators at a time as one message between two members has room
// for; the sums of all turns are added up.
func (n *Node) sumPrivately(ctx context.Context, t *talk, p *privateOpening, column int, vector []uint64) ([]uint64, error) {
	places := p.plan.SumCells(column)
	out := make([]uint64, len(p.plan.Groups))
	var x []uint64
	var cells []he.Cell
	var slots int // of the accumulators of this turn
	defer func() { clear(x) }()
	turn := func() error {
		if len(x) == 0 {
			return nil
		}
		sum, err := he.NewPrivateSum(n.products, t.session("sum"), n.point, x, cells, vector, len(out))
		if err != nil {
			return err
		}
		if err := t.run(ctx, sum); err != nil {
			return err
		}
		shares, err := sum.Result()
		if err != nil {
			return err
		}
		clear(x)
		t.opening.headway.multiplied(slots)
		x, cells, slots = x[:0], cells[:0], 0
		return n.params.AddMod(out, shares)
	}
	for i, a := range p.plan.Accumulators {
		if a.Column != column {
			continue
		}
		for s, share := range p.slots[i] {
			if places[s].Group >= 0 { // the rest belongs to nobody
				x, cells = append(x, share), append(cells, he.Cell(places[s]))
			}
		}
		places, slots = places[len(p.slots[i]):], slots+len(p.slots[i])
		if len(x) > productEntries-query.Slots {
			if err := turn(); err != nil {
				return nil, err
			}
		}
	}
	return out, turn()
}

// countPrivately adds up cells times this node's shares of the vector.
func (n *Node) countPrivately(cells []query.Tally, vector []uint64, groups int) ([]uint64, error) {
	tallies := make([]he.Tally, len(cells))
	for i, c := range cells {
		tallies[i] = he.Tally{Cell: he.Cell(c.Cell), Cells: uint64(c.Cells)} //nolint:gosec // cells are counted
	}
	return n.products.CountWeighted(tallies, vector, groups)
}
