package plan

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
)

// unpacked in the place of a column of tiles means that no tiles hold what the
// column sums: it is counted from presence, or multiplied out of shares.
const unpacked = -1

// pack finds which column of the version's tiles each column of the verdict adds
// up (catalog.Descriptor.TileColumns).
func (g *gridLayer) pack(d catalog.Descriptor) error {
	by := d
	if g.by != nil {
		by = *g.by
	}
	held := g.version.Columns(by)
	for i, c := range g.verdict.Columns {
		want := catalog.TileColumn{Bucket: c.Bucket, Square: c.Times != ""}
		if g.columns[i] != AnyMeasure {
			want.Measure = g.held[g.columns[i]]
		}
		at := slices.Index(held, want)
		switch {
		case c.Count:
			at = unpacked
		case c.Bucket < 0 || c.Bucket > 0 && (c.Times != "" || c.With != "" || c.Weight != "" || g.verdict.In != ""):
			return fmt.Errorf("column %d of the verdict is of bucket %d and something else", i, c.Bucket)
		case (c.With != "" || c.Times != "") && (c.Weight != "" || g.verdict.In != ""):
			return fmt.Errorf("column %d of the verdict is a statistic of private vectors", i)
		case c.With == c.Measure || c.With != "" && c.Times != "" && c.Times != c.Measure:
			return fmt.Errorf("column %d of the verdict takes %s twice, or of three measures", i, c.Measure)
		case c.With != "" && d.MeasureIndex(c.With) < 0, c.Times != "" && d.MeasureIndex(c.Times) < 0:
			return fmt.Errorf("column %d of the verdict is of %q and %q, which are not both measures", i, c.With, c.Times)
		case c.Times != "" && c.Times != c.Measure:
			at = unpacked // a product of shares
		case want.Measure == notHeld:
			at = notHeld
		case at < 0 && c.Times == "":
			return fmt.Errorf("version %d has no tiles of %s", g.version.Version, want.Name(by))
		}
		g.packed = append(g.packed, at)
	}
	return nil
}

// packedColumns is what a plan's digest says of the tiles that are added up, where
// they are not just the measures'.
func (w *planWriter) packedColumns(p *Plan) {
	plain := func(c catalog.Column) bool { return c.Times == "" && c.With == "" && c.Bucket == 0 }
	if !slices.ContainsFunc(p.Kinds, func(c catalog.Column) bool { return !plain(c) }) {
		return
	}
	w.buf = append(w.buf, "packed\n"...)
	for _, l := range p.Layers {
		w.numbers(l.Packed...)
	}
	w.numbers(len(p.Singles))
	for _, s := range p.Singles {
		w.numbers(s.Layer, s.Packed, s.Block, s.Tile)
	}
	w.numbers(len(p.Products))
	for _, x := range p.Products {
		w.numbers(x.Column, x.SlotMap, x.Left, x.Right)
	}
}

// movement is how far one entity's record can move the numbers of a column, for
// each of its cells: the width of what a cell can add, and how many numbers of a
// group it moves. A reading that changes its bucket moves two.
type movement struct {
	width   *big.Int
	numbers int64
	shared  int // the column whose share of the budget covers this one too
}

// movements are those of a verdict's columns; those of private counts, which no
// reading can move, have no width. The buckets of a measure have one share of the
// budget together: a cell adds to one of them.
func (g *Grid) movements(d catalog.Descriptor) []movement {
	out := make([]movement, len(g.columns))
	for i, c := range g.verdict.Columns {
		out[i] = movement{numbers: 1, shared: i}
		if c.Count {
			continue
		}
		if len(g.verdict.Widths) > 0 && c.Bucket == 0 {
			out[i].width = big.NewInt(g.verdict.Widths[i])
			continue
		}
		m := d.Measures[g.columns[i]]
		switch {
		case c.Bucket > 0:
			out[i] = movement{big.NewInt(1), 2, slices.IndexFunc(g.verdict.Columns, func(o catalog.Column) bool {
				return o.Bucket > 0 && o.Measure == c.Measure
			})}
		case c.Times == c.Measure: // from 0 to the square of the farthest
			half := big.NewInt(m.Half())
			out[i].width = half.Mul(half, half)
		case c.Times != "":
			out[i].width = new(big.Int).Mul(big.NewInt(2), big.NewInt(c.Widest(d)))
		default:
			out[i].width = new(big.Int).Sub(big.NewInt(m.Max), big.NewInt(m.Min))
		}
	}
	return out
}

// shares is into how many parts the budget is split.
func shares(list []movement) int64 {
	n := int64(0)
	for i, m := range list {
		if m.width != nil && m.shared == i {
			n++
		}
	}
	return n
}

// ColumnText says what a column sums, and in which unit and decimals, for a person.
func ColumnText(c catalog.Column, m, times catalog.Measure) (what, unit string, decimals int) {
	switch {
	case c.Bucket > 0:
		return "counts of the buckets of " + c.Measure, "", 0
	case c.Times == c.Measure:
		return "sums of squares of " + c.Measure, aggregate.SquaredUnit(m.Unit), 2 * m.Decimals
	case c.Times != "":
		return "sums of " + c.Measure + " × " + c.Times, aggregate.ProductUnit(m.Unit, times.Unit), m.Decimals + times.Decimals
	}
	return "sums of " + c.Measure, m.Unit, m.Decimals
}
