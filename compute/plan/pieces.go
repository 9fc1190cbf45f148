package plan

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
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

// everyPiece fills in for the other pieces what is counted for the first: what is
// public is the same for all.
func everyPiece[T any](g *Grid, list []T) {
	first := list[:len(list)/g.Pieces]
	for rest := list[len(first):]; len(rest) > 0; rest = rest[len(first):] {
		copy(rest, first)
	}
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
