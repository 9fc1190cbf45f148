package catalog

import (
	"fmt"
	"slices"
)

// Vectors are the ids of the private vectors that a request names: the selector
// first, then weights in the order of their first use.
func (q Request) Vectors() []string {
	var out []string
	if q.In != "" {
		out = append(out, q.In)
	}
	for _, a := range q.Select {
		if a.Weight != "" && !slices.Contains(out, a.Weight) {
			out = append(out, a.Weight)
		}
	}
	return out
}

// ColumnsOf are the columns that an aggregate of the request is made of. With a
// private vector counts are private too, and they decode the sums, whose readings
// are centred.
func (q Request) ColumnsOf(a Aggregate, d Descriptor) []Column {
	switch {
	case a.Weight != "" && a.Measure == "":
		return []Column{{Count: true, Weight: a.Weight}}
	case a.Weight != "":
		return []Column{{Measure: a.Measure, Weight: a.Weight}, {Measure: a.Measure, Count: true, Weight: a.Weight}}
	case q.In != "" && a.Func == "count":
		return []Column{{Measure: a.Measure, Count: true}}
	case q.In != "":
		return []Column{{Measure: a.Measure}, {Measure: a.Measure, Count: true}}
	}
	return a.Columns(d)
}

// checkPrivate refuses what private vectors are not for.
func (q Request) checkPrivate() *Refusal {
	for i, a := range q.Select {
		field := fmt.Sprintf("select[%d]", i)
		switch {
		case a.Weight == "" && a.Func == FuncWavg:
			return Invalid(field, "private.wavg")
		case a.Weight != "" && q.In != "":
			return Invalid(field, "private.both")
		case a.Weight != "" && a.Func != "sum" && a.Func != FuncWavg:
			return Invalid(field, "private.weights_function", a.Func)
		case a.Weight != "" && (a.Other != "" || a.Func == FuncWavg && a.Measure == ""):
			return Invalid(field, "private.one_measure", a.Func)
		case q.In != "" && a.Func != "count" && a.Func != "sum" && a.Func != "avg":
			return Invalid(field, "private.selector_function", a.Func)
		}
	}
	return nil
}

// TestProducts refuses a test of a portfolio that takes too many products of shares.
func TestProducts(products, most int) *Refusal {
	return Refuse(RefusedPolicy, RuleTestProducts, "portfolio.products", products, most, (products+most-1)/most).
		WithNumber("products", int64(products)).WithNumber("max_products", int64(most))
}

// RuleTestProducts is the rule of refusals of tests that are too large.
const RuleTestProducts = "portfolio_products"

// Listing reports whether a request is for exact sums within a private partition on
// protected data: the nodes test such a one before they open anything (RELEASE.md section 6.2).
func (q Request) Listing(d Descriptor) bool {
	return q.In != "" && q.Noise == nil && !d.Policy.Public &&
		slices.ContainsFunc(q.Columns(d), func(c Column) bool { return !c.Count })
}

// A request with the dimension DimPiece asks for the figures of every piece of the
// private partition that it is In. Nobody but its owner knows which entities a piece
// has, so pieces are no entity groups: the grid of a verdict is that of the request
// without them, and a share has the numbers of every piece.

// OfEntities reports whether groups by the dimension are groups of entities.
func (d Dimension) OfEntities() bool { return d.Kind == DimEntity || d.Kind == DimAttribute }

// ByPiece reports whether a request asks for pieces.
func (q Request) ByPiece() bool {
	return slices.ContainsFunc(q.By, func(d Dimension) bool { return d.Kind == DimPiece })
}

// checkPieces refuses pieces of nothing, and pieces with noise.
func (q Request) checkPieces() *Refusal {
	switch {
	case !q.ByPiece():
		return nil
	case q.In == "":
		return Invalid("by", "private.piece_without")
	case q.Noise != nil:
		return Invalid("by", "private.piece_noise")
	}
	return nil
}

// PieceCount is how many pieces the verdict's figures are of, 1 where it is not by piece.
func (v Verdict) PieceCount() int { return max(v.Pieces, 1) }
