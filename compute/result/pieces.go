package result

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
)

// namePieces takes the names of the pieces.
func (b *builder) namePieces(in Input) error {
	asked := slices.ContainsFunc(b.query.Request.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPiece })
	if asked != plan.ByPiece(in.Verdict) {
		return fmt.Errorf("the verdict is by %d pieces, and the query does not say the same", in.Verdict.Pieces)
	}
	if len(in.Pieces) == b.grid.Pieces {
		b.pieces = in.Pieces
		return nil
	}
	if in.Pieces != nil {
		return fmt.Errorf("%d names for %d pieces", len(in.Pieces), b.grid.Pieces)
	}
	for i := range b.grid.Pieces {
		b.pieces = append(b.pieces, fmt.Sprintf("%02d", i+1))
	}
	return nil
}

// pieceOf is the number of a group's piece.
func (b *builder) pieceOf(group int) int {
	return group / (len(b.groups) / b.grid.Pieces)
}
