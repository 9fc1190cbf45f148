package plantest

import (
	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/plan"
)

// Sorted turns an exact verdict within a selector into one by the pieces of a partition,
// and returns every piece as the selector of its own.
func (p *Vectored) Sorted(t *rapid.T, pieces int) (selectors [][]int64) {
	selectors = make([][]int64, pieces)
	for i := range selectors {
		selectors[i] = make([]int64, p.Verdict.Vectors[0].Entities)
	}
	for e := range p.Verdict.Vectors[0].Entities {
		if i := rapid.IntRange(-1, pieces-1).Draw(t, "piece"); i >= 0 {
			selectors[i][e] = 1
		}
	}
	p.Verdict.Pieces, p.Verdict.Vectors[0].Pieces, p.Verdict.Vectors[0].Bits = pieces, pieces, pieces
	return selectors
}

// RunPieces computes a plan by piece as the nodes do: the column of every piece with the
// piece's bits.
func (p *Vectored) RunPieces(plan *plan.Plan, selectors [][]int64) []int64 {
	out := make([]int64, plan.Width)
	for i, bits := range selectors {
		p.Numbers[p.Verdict.In] = bits
		one := p.Run(plan)
		for c := range plan.Columns {
			from, to := plan.PieceElements(c, i)
			first, _ := plan.PieceElements(c, 0)
			copy(out[from:to], one[first:])
		}
	}
	return out
}

// DrawSelected draws an exact query within a selector.
func DrawSelected(t *rapid.T) *Vectored {
	for {
		p := DrawVectored(t)
		if p.Verdict.In != "" {
			p.Verdict.Noise = nil
			return p
		}
	}
}
