package mpc

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/failure"
)

// answerPrivately adds to the opened values this node's shares of every column that a private
// vector has a part in (PROTOCOL.md section 6.7). The parity of what was opened is checked
// by then. First comes the test, where there is one. The plan's counts are made of this
// node's own share of the vector and need nobody else.
func (qs *Queries) answerPrivately(ctx context.Context, q catalog.Query, verdict catalog.Verdict, a catalog.Attempt, roster catalog.KeyRoster, o opening, p *opened) error {
	if err := qs.attempts.Begin(o.session); err != nil {
		return err
	}
	vectors, err := qs.vectorsOf(q.ID, verdict, a, o.points())
	if err != nil {
		return err
	}
	defer vectors.wipe()
	talk := &talk{node: qs.member, opening: o, roster: roster}
	o.progress.enter(wire.StageTest)
	if err := qs.testListed(ctx, q, talk, vectors); err != nil {
		return err
	}
	o.progress.enter(wire.StageProducts)
	for c := range p.plan.Columns {
		factors := vectors.pieces
		if v := vectors.of(p.plan.Vector(c)); factors == nil && v != nil {
			factors = [][]uint64{v}
		}
		if factors == nil {
			continue
		}
		shares, err := qs.answerColumn(ctx, talk, p, c, factors)
		if err != nil {
			return err
		}
		groups := len(p.plan.Groups)
		if err := qs.Params.AddMod(p.values[c*groups:(c+1)*groups], shares); err != nil {
			return err
		}
	}
	return nil
}

// answerColumn computes this node's shares of a column's groups, weighted by vectors:
// those of the first vector, then of the next, which is the order of a plan's pieces.
func (qs *Queries) answerColumn(ctx context.Context, t *talk, p *opened, column int, vectors [][]uint64) ([]uint64, error) {
	from, to := p.plan.PieceElements(column, 0)
	if !p.plan.Kinds[column].Count {
		return qs.sumPrivately(ctx, t, p, column, vectors, to-from)
	}
	var tallies []he.Tally
	for _, c := range p.plan.CountCells(column) {
		tallies = append(tallies, he.Tally{Cell: he.Cell(c.Cell), Cells: uint64(c.Cells)}) //nolint:gosec // cells are counted
	}
	var out []uint64
	for _, v := range vectors {
		counts, err := qs.Products.CountWeighted(tallies, v, to-from)
		if err != nil {
			return nil, err
		}
		out = append(out, counts...)
	}
	return out, nil
}

// talk numbers the computations on shares of one attempt.
type talk struct {
	node    *member
	opening opening
	roster  catalog.KeyRoster // among whom all of it is shared
	next    int
}

// run drives the next computation to its end. Members send each other most messages in
// it at most.
func (t *talk) run(ctx context.Context, c Computation, most int) error {
	first := t.next
	t.next += most
	if err := t.node.converse(ctx, t.opening, first, most, c); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrHalfway, err)
	}
	return nil
}

// session names the next computation.
func (t *talk) session(purpose string) he.Session {
	return t.node.session(t.opening, fmt.Sprintf("%s %d", purpose, t.next))
}

// privateVectors are this node's additive shares of the vectors that a query names.
type privateVectors struct {
	ids    []string
	values [][]uint64 // one an entity of the vector
	bits   []uint64   // of the partition that an exact query is within, piece by piece; nil: there is none
	pieces [][]uint64 // of bits, by piece; nil: the query is not by piece
}

func (v *privateVectors) wipe() {
	wipeShares(v.values)
	clear(v.bits)
}

// of returns a vector, nil for none.
func (v *privateVectors) of(id string) []uint64 {
	if i := slices.Index(v.ids, id); i >= 0 {
		return v.values[i]
	}
	return nil
}

// vectorsOf reads the shares of the vectors that a query names, under the sharings that its
// attempt names: all of its members read those.
func (qs *Queries) vectorsOf(id string, verdict catalog.Verdict, a catalog.Attempt, active []int) (*privateVectors, error) {
	var records []catalog.Vector
	err := qs.Ledger.View(func(v state.View) error {
		for _, use := range verdict.Vectors {
			x, err := v.Vectors().Get(use.ID)
			if err != nil {
				return err
			}
			if x.Commitment != use.Commitment {
				return failure.Refuse("node.commitment", id, use.Commitment, use.ID, x.Commitment)
			}
			records = append(records, x)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load the vectors of query %s: %w", id, err)
	}
	out := &privateVectors{}
	for _, x := range records {
		// A query that was accepted is answered, also when the vector was dropped
		// since, for as long as the share is here.
		share, err := qs.vectors.ShareUnder(x, a.MoveOf(x.ID))
		if err != nil {
			out.wipe()
			return nil, err
		}
		weigh := share.Values
		if x.ID == verdict.In {
			weigh = share.Selected
		}
		values, err := weigh(active)
		if err == nil && x.ID == verdict.In && verdict.Noise == nil {
			if out.bits, err = share.Additive(active); plan.ByPiece(verdict) {
				out.pieces = slices.Collect(slices.Chunk(out.bits, share.Spec().Entities))
			}
		}
		share.Erase()
		if err != nil {
			out.wipe()
			return nil, fmt.Errorf("weight the share of vector %s: %w", x.ID, err)
		}
		out.ids, out.values = append(out.ids, x.ID), append(out.values, values)
	}
	return out, nil
}

// sumPrivately computes this node's shares of a column's sums, weighted by vectors. It
// takes as many accumulators at a time as one message between two members has room for;
// the sums of all turns are added up. All vectors are multiplied with them at once.
func (qs *Queries) sumPrivately(ctx context.Context, t *talk, p *opened, column int, vectors [][]uint64, groups int) ([]uint64, error) {
	places := p.plan.SumCells(column)
	out := make([]uint64, len(vectors)*groups)
	var x []uint64
	var cells []he.Cell
	var slots int // of the accumulators of this turn
	defer func() { clear(x) }()
	turn := func() error {
		if len(x) == 0 {
			return nil
		}
		params, err := qs.products()
		if err != nil {
			return err
		}
		sum, err := he.NewPrivateSum(params, t.session("sum"), t.opening.point(qs.id), x, cells, vectors, groups)
		if err != nil {
			return err
		}
		if err := t.run(ctx, sum, params.SumMessages(len(x), len(vectors))); err != nil {
			return err
		}
		shares, err := sum.Result()
		if err != nil {
			return err
		}
		clear(x)
		t.opening.progress.multiplied(slots * len(vectors))
		x, cells, slots = x[:0], cells[:0], 0
		return qs.Params.AddMod(out, shares)
	}
	for i, a := range p.plan.Accumulators {
		if a.Column != column {
			continue
		}
		for s, share := range p.multiplied[i] {
			if places[s].Group >= 0 { // the rest belongs to nobody
				x, cells = append(x, share), append(cells, he.Cell(places[s]))
			}
		}
		places, slots = places[len(p.multiplied[i]):], slots+len(p.multiplied[i])
		if len(x) > productEntries-plan.Slots {
			if err := turn(); err != nil {
				return nil, err
			}
		}
	}
	return out, turn()
}
