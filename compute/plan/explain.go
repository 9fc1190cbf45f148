package plan

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/seal"
)

// Explain is a plan in numbers.
type Explain struct {
	Tiles       int64    `json:"tiles"`        // read by each member of the active set
	Additions   int64    `json:"additions"`    // of ciphertexts, per member
	Openings    int      `json:"openings"`     // accumulators
	MaxTiles    int      `json:"max_tiles"`    // of one accumulator; the noise of an opening grows with it
	Products    int64    `json:"products"`     // cells whose readings are multiplied by the members
	SlotMaps    int      `json:"slot_maps"`    // distinct
	Groups      int      `json:"groups"`       // released
	Columns     int      `json:"columns"`      // opened
	Width       int      `json:"width"`        // groups × columns: numbers each member seals
	ResultBytes int64    `json:"result_bytes"` // sealed by each member to the buyer; 0: counts are public
	Magnitude   *big.Int `json:"magnitude"`    // largest possible |sum of encoded values|, of the widest column
	Widest      string   `json:"widest"`       // what is summed in that column, in words; empty: nothing
	Cells       int64    `json:"cells"`        // of its largest group
	// Bound says that the figures are upper bounds: the members plan with the presence,
	// which is not at hand.
	Bound bool `json:"bound,omitempty"`
}

// Explain counts what the plan does. d is the dataset's descriptor.
func (p *Plan) Explain(d catalog.Descriptor) Explain {
	column, cells, magnitude := p.widest(d)
	x := Explain{
		Tiles: p.Tiles + p.SecondTiles, Additions: p.Tiles + p.SecondTiles - int64(p.Openings()), Openings: p.Openings(), Products: p.Multiplied(),
		MaxTiles: p.MaxTiles(), SlotMaps: len(p.SlotMaps), Groups: len(p.Groups), Columns: len(p.Columns),
		Width: p.Width, Magnitude: magnitude, Cells: cells,
	}
	if column >= 0 {
		x.Widest = p.columnWords(column)
	}
	if p.Width > 0 {
		x.ResultBytes = int64(seal.ShareSize(p.Width, !p.Multiplies()))
	}
	return x
}

// columnWords name what is summed in a column.
func (p *Plan) columnWords(column int) string {
	k := p.Kinds[column]
	text := k.Measure
	switch {
	case k.Bucket > 0:
		text = fmt.Sprintf("bucket %d of %s", k.Bucket, text)
	case k.Count && text == "":
		text = "selected cells"
	case k.Count:
		text = "selected cells of " + text
	case k.Times != "":
		text += " × " + k.Times
	}
	if k.Weight != "" {
		text += " × weight"
	}
	return text
}

// MaxTiles is the largest number of tiles of one opening, 0 without any.
func (p *Plan) MaxTiles() int {
	most := min(1, len(p.Singles))
	for _, a := range p.Accumulators {
		most = max(most, len(a.Tiles))
	}
	return most
}

// widest is the column of the largest magnitude, −1 for none, and the cells of its
// largest group. The magnitude must stay below T/2.
func (p *Plan) widest(d catalog.Descriptor) (column int, cells int64, magnitude *big.Int) {
	column, magnitude = -1, new(big.Int)
	for i, sum := range p.magnitudes(d) {
		if sum.Cmp(magnitude) > 0 {
			column, magnitude = i, sum
		}
	}
	if column >= 0 {
		cells = slices.Max(p.cells()[column])
	}
	return column, cells, magnitude
}

// magnitudes are, by column, the largest possible absolute value of an element of the
// result: the cells that go into it, present or not, times the largest encoded value of the
// column's declared range, times the largest number of a vector that multiplies it.
func (p *Plan) magnitudes(d catalog.Descriptor) []*big.Int {
	var out []*big.Int
	for column, cells := range p.cells() {
		most, top := int64(0), uint64(1) // a count's cells are 1
		for _, n := range cells {
			most = max(most, n)
		}
		if kind := p.Kinds[column]; !kind.Count {
			top = uint64(kind.Widest(d)) //nolint:gosec // never negative
		}
		one := new(big.Int).Mul(new(big.Int).SetUint64(top), p.LargestFactor(column))
		out = append(out, one.Mul(one, big.NewInt(most)))
	}
	return out
}

// cells counts, per column and group, the cells that go into it.
func (p *Plan) cells() [][]int64 {
	type share struct {
		group int32
		cells int64
	}
	perMap := make([][]share, len(p.SlotMaps))
	counts := make([]int64, len(p.Groups))
	for i, slots := range p.SlotMaps {
		var groups []int32
		for _, group := range slots {
			if group < 0 {
				continue
			}
			if counts[group] == 0 {
				groups = append(groups, group)
			}
			counts[group]++
		}
		perMap[i] = make([]share, 0, len(groups))
		for _, group := range groups {
			perMap[i] = append(perMap[i], share{group, counts[group]})
			counts[group] = 0
		}
	}
	out := make([][]int64, len(p.Columns))
	for c := range out {
		out[c] = make([]int64, len(p.Groups))
	}
	for _, a := range p.Accumulators {
		for _, s := range perMap[a.SlotMap] {
			out[a.Column][s.group] += s.cells * int64(len(a.Tiles))
		}
	}
	for i, x := range p.Products {
		if p.again(i) {
			continue
		}
		for _, s := range perMap[x.SlotMap] {
			out[x.Column][s.group] += s.cells
		}
	}
	for c := range out {
		for _, t := range p.CountCells(c) {
			out[c][t.Group] += t.Cells
		}
	}
	return out
}
