package query

import (
	"math/big"

	"github.com/weirdata/weir/catalog"
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
	ResultBytes int64    `json:"result_bytes"` // sealed by each member: 8 a number, and one parity number
	Magnitude   *big.Int `json:"magnitude"`    // largest possible |sum of encoded values|
}

// Explain counts what the plan does. d is the dataset's descriptor.
func (p *Plan) Explain(d catalog.Descriptor) Explain {
	return Explain{
		Tiles: p.Tiles + p.SecondTiles, Additions: p.Tiles + p.SecondTiles - int64(p.Openings()), Openings: p.Openings(), Products: p.multiplied(),
		MaxTiles: p.MaxTiles(), SlotMaps: len(p.SlotMaps), Groups: len(p.Groups), Columns: len(p.Columns),
		Width: p.Width, ResultBytes: 8 * (int64(p.Width) + 1), Magnitude: p.Magnitude(d),
	}
}

// MaxTiles is the largest number of tiles of one opening, 0 without any.
func (p *Plan) MaxTiles() int {
	most := min(1, len(p.Singles))
	for _, a := range p.Accumulators {
		most = max(most, len(a.Tiles))
	}
	return most
}

// Magnitude is the largest possible absolute value of any element of the result:
// the cells that go into it, present or not, times the largest encoded value of
// the column's declared range, times the largest number of a vector that
// multiplies it. It must stay below T/2.
func (p *Plan) Magnitude(d catalog.Descriptor) *big.Int {
	worst := new(big.Int)
	for _, sum := range p.magnitudes(d) {
		if sum.Cmp(worst) > 0 {
			worst = sum
		}
	}
	return worst
}

// magnitudes are the same of each column.
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
		one := new(big.Int).Mul(new(big.Int).SetUint64(top), p.private.largestOf(column))
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
