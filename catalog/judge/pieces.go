package judge

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// sortPieces notes how many pieces the figures are of.
func (v *evaluation) sortPieces() *catalog.Refusal {
	if v.request.ByPiece() {
		v.verdict.Pieces = v.partition().Pieces
	}
	return nil
}

// partition is the private partition that a request is within.
func (v *evaluation) partition() catalog.VectorUse {
	return v.vectors[slices.IndexFunc(v.vectors, func(u catalog.VectorUse) bool { return u.ID == v.request.In })]
}
