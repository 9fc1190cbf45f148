package plan

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/he"
)

// A query that groups by PIECE(name) has figures of every piece of a private partition.
// The numbers of a column are those of all groups of the grid for the first piece, then
// those for the second, and so on: element column·len(Groups) + piece·len(Groups)/pieces
// + group. Slot maps and tallies name groups of the grid alone.

// repeatPieces repeats the groups of the grid for every piece.
func (g *Grid) repeatPieces() error {
	v := g.verdict
	i := slices.IndexFunc(v.Vectors, func(u catalog.VectorUse) bool { return u.ID == v.In })
	switch {
	case v.Pieces == 0:
		return nil
	case v.Pieces < 1 || v.In == "" || i < 0 || v.Vectors[i].Pieces != v.Pieces || v.Noise != nil:
		return fmt.Errorf("the verdict is by %d pieces of vector %q, which it does not describe, or with noise", v.Pieces, v.In)
	case len(g.Groups) > catalog.MaxGroups/v.Pieces:
		return fmt.Errorf("%w: %d groups of %d pieces, at most %d are released", ErrTooLarge, len(g.Groups), v.Pieces, catalog.MaxGroups)
	}
	g.Groups = slices.Repeat(g.Groups, v.Pieces)
	return nil
}

// Pieces is how many pieces the plan's figures are of, 1 where it is not by piece.
func (p *Plan) Pieces() int {
	if p.private == nil {
		return 1
	}
	return p.private.pieces
}

// ByPiece reports whether a verdict is by piece.
func ByPiece(v catalog.Verdict) bool { return v.Pieces > 0 }

// PieceElements are the elements of a result that are a column's for a piece: one a
// group of the grid.
func (p *Plan) PieceElements(column, piece int) (from, to int) {
	n := len(p.Groups) / p.Pieces()
	from = column*len(p.Groups) + piece*n
	return from, from + n
}

// TestStructure is what members compute on to test a partition of so many pieces.
func TestStructure(t *disclosure.Test, pieces int) *he.PieceStructure {
	s := &he.PieceStructure{
		Pieces: pieces, Units: make([]he.PieceUnit, len(t.Units)), Moves: make([]he.PieceMove, len(t.Moves)), Figures: make([]he.PieceFigure, len(t.Figures)),
	}
	for i, u := range t.Units {
		s.Units[i] = he.PieceUnit{Members: u.Members, Both: u.Both}
	}
	for i, m := range t.Moves {
		s.Moves[i] = he.PieceMove{Members: m.Members}
	}
	for i, f := range t.Figures {
		s.Figures[i] = he.PieceFigure{K: f.K}
		for _, step := range f.Steps {
			s.Figures[i].Steps = append(s.Figures[i].Steps, he.PieceStep{Units: step.Units, Move: step.Move})
		}
	}
	return s
}

// RefuseTest is the refusal of a test that members cannot compute; nil: they can.
func RefuseTest(s *he.PieceStructure) *catalog.Refusal {
	for _, f := range s.Figures {
		if f.K > he.MaxCohortMinimum {
			r := catalog.Refuse(catalog.RefusedPolicy, RuleTest, "portfolio.minimum", f.K, he.MaxCohortMinimum).
				WithNumber("min_cohort", int64(f.K)).WithNumber("limit", he.MaxCohortMinimum)
			r.Field = "in"
			return r
		}
	}
	n := s.Products()
	if n <= he.MaxPieceProducts {
		return nil
	}
	r := catalog.TestProducts(n, he.MaxPieceProducts)
	r.Field = "in"
	return r
}
