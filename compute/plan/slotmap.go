package plan

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// slotMaps builds the distinct slot maps of one layer of a plan. Most tiles repeat one
// another, so a map is put together only after three steps that find repeats
// ever more exactly:
//
//   - a class is what a period does to a column: its period group, the parts
//     excluded in it, and the entities masked in it (of private sums). Periods of
//     one class select alike in every block;
//   - a row is a class's effect on one block: a group number for each of its
//     entities. Rows are compared by content, because classes that differ only in
//     groups without members in the block have equal rows;
//   - a map is a sequence of rows.
type slotMaps struct {
	grid   *gridLayer
	blocks []catalog.Block
	base   int       // maps of the plan before these
	list   [][]int32 // distinct maps

	classOf  map[classKey]int32
	classed  []class // class 0 selects nothing
	rowOf    []map[int32]int32
	rows     [][]int32 // row 0 selects nothing
	rowIndex map[uint64][]int32
	mapOf    map[string]int
	seed     maphash.Seed
	scratch  []byte // key of a map
	hashed   []byte // bytes of a row
}

type classKey struct {
	group    int32
	excluded string
	masked   string
}

type class struct {
	group    int32
	excluded []uint64
	masked   []uint64
}

func newSlotMaps(g *gridLayer, base int) *slotMaps {
	s := &slotMaps{
		grid: g, blocks: g.version.Blocks, base: base, classOf: map[classKey]int32{}, classed: []class{{group: -1}}, rows: [][]int32{nil},
		rowIndex: map[uint64][]int32{}, mapOf: map[string]int{}, seed: maphash.MakeSeed(),
		scratch: make([]byte, 4*Slots), hashed: make([]byte, 4*Slots),
	}
	for range g.version.Blocks {
		s.rowOf = append(s.rowOf, map[int32]int32{0: 0})
	}
	return s
}

// classes gives each period of the version its class under the exclusions, sets
// of parts, and the masks, sets of entities.
func (s *slotMaps) classes(e, masks periodSets) []int32 {
	out := make([]int32, len(e.of))
	for p, group := range s.grid.periodOf {
		if group < 0 {
			continue
		}
		if p > 0 && s.grid.periodOf[p-1] == group && e.of[p-1] == e.of[p] && masks.at(p-1) == masks.at(p) {
			out[p] = out[p-1]
			continue
		}
		key := classKey{group, e.keys[e.of[p]], masks.keys[masks.at(p)]}
		id, ok := s.classOf[key]
		if !ok {
			id = int32(len(s.classed)) //nolint:gosec // at most one a period and column
			s.classOf[key] = id
			s.classed = append(s.classed, class{group, e.sets[e.of[p]], masks.sets[masks.at(p)]})
		}
		out[p] = id
	}
	return out
}

// eachTile calls add for every tile of a block in which something is selected, with
// its number in the block and that of its map in the plan. It fails when there are too many maps.
func (s *slotMaps) eachTile(block int, classes []int32, add func(tile, slotMap int) error) error {
	per := s.blocks[block].Periods
	for tile := 0; tile*per < len(classes); tile++ {
		m := s.tile(block, classes[tile*per:min((tile+1)*per, len(classes))])
		if m < 0 {
			continue
		}
		if s.base+len(s.list) > MaxSlotMaps {
			return fmt.Errorf("%w: more than %d slot maps; group by a coarser period or select fewer periods", ErrTooLarge, MaxSlotMaps)
		}
		if err := add(tile, s.base+m); err != nil {
			return err
		}
	}
	return nil
}

// tile returns the number in list of the map of a tile of the block whose periods have
// these classes, or −1 when nothing in it is selected.
func (s *slotMaps) tile(block int, classes []int32) int {
	b := s.blocks[block]
	key := binary.LittleEndian.AppendUint32(s.scratch[:0], uint32(b.Entities)) //nolint:gosec // at most TileCells
	end := len(key)
	last, row := int32(-1), int32(0)
	for _, c := range classes {
		if c != last {
			last, row = c, s.row(block, c)
		}
		key = binary.LittleEndian.AppendUint32(key, uint32(row)) //nolint:gosec // not negative
		if row != 0 {
			end = len(key)
		}
	}
	if end == 4 {
		return -1
	}
	key = key[:end] // a tile that ends early is like one whose rest is not selected
	if i, ok := s.mapOf[string(key)]; ok {
		return i
	}
	i := len(s.list)
	s.mapOf[string(key)] = i
	s.list = append(s.list, s.build(b.Entities, key[4:]))
	return i
}

// build lays out a map of the rows in key.
func (s *slotMaps) build(entities int, key []byte) []int32 {
	out := slices.Repeat([]int32{-1}, Slots)
	for n := 0; len(key) > 0; n, key = n+entities, key[4:] {
		copy(out[n:], s.rows[binary.LittleEndian.Uint32(key)])
	}
	return out
}

// row returns the number of the row of a class in a block.
func (s *slotMaps) row(block int, id int32) int32 {
	if row, ok := s.rowOf[block][id]; ok {
		return row
	}
	b, c := s.blocks[block], s.classed[id]
	periods := int32(len(s.grid.verdict.PeriodGroups)) //nolint:gosec // bounded with the grid
	row, selects := make([]int32, b.Entities), false
	for i, part := range s.grid.assign[b.First : b.First+b.Entities] {
		row[i] = -1
		if part >= 0 && !exclude(c.excluded, part) && !exclude(c.masked, int32(b.First+i)) { //nolint:gosec // an entity
			row[i] = s.grid.numbers[int32(s.grid.verdict.Parts[part].Group)*periods+c.group]
			selects = selects || row[i] >= 0
		}
	}
	number := int32(0)
	if selects {
		number = s.internRow(row)
	}
	s.rowOf[block][id] = number
	return number
}

// internRow returns the number of an equal row, adding row when there is none.
func (s *slotMaps) internRow(row []int32) int32 {
	hashed := s.hashed[:0]
	for _, v := range row {
		hashed = binary.LittleEndian.AppendUint32(hashed, uint32(v)) //nolint:gosec // only hashed
	}
	sum := maphash.Bytes(s.seed, hashed)
	for _, i := range s.rowIndex[sum] {
		if slices.Equal(s.rows[i], row) {
			return i
		}
	}
	i := int32(len(s.rows)) //nolint:gosec // at most one a period, column and block
	s.rowIndex[sum] = append(s.rowIndex[sum], i)
	s.rows = append(s.rows, row)
	return i
}
