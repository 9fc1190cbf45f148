package plan

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/he"
)

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
