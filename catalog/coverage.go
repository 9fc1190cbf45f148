package catalog

import (
	"encoding/binary"
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// coverage says, for all entities of a family and everything that its versions
// released or may release, who counts, who has a cell at all, and who is in
// which set of DESIGN section 8, point 4. It is laid out by entity, so that the
// counts of any set of entities come from adding up rows (tally). Columns that
// are equal, as a period's are from version to version, are kept once.
type coverage struct {
	sources  []source
	entities int
	words    int
	count    []uint64    // entity·words: bit c, the entity counts in column c
	present  []uint64    // likewise: it has a cell; count itself when they are equal
	columns  [][][]int32 // source, measure, period of the policy's grain → column

	setWords int
	marks    []uint64      // entity·setWords: in a level of a set
	tests    []setTest     // beyond counting
	testsOf  [][][][]int32 // source, measure, period → tests; nil: none
	always   int           // of the tests: the first so many hold for every class, the others for joint statistics
	jointOf  [][][][]int32 // source, measure, period → tests of joint statistics; nil: none
}

// setTest is a condition beyond counting: a class contributes only when it holds.
// Either it has levels, the columns of marks of a set, highest first: then the
// class must have no entity of the set, or enough in the highest level that any
// of its entities has. Or the set is not known: then the class must have no cell
// in the columns of bars.
type setTest struct {
	levels []int32
	bars   []int32
}

func (c *coverage) countRow(e int) []uint64   { return c.count[e*c.words : (e+1)*c.words] }
func (c *coverage) presentRow(e int) []uint64 { return c.present[e*c.words : (e+1)*c.words] }
func (c *coverage) markRow(e int) []uint64    { return c.marks[e*c.setWords : (e+1)*c.setWords] }

// columnStore collects distinct columns.
type columnStore struct {
	entities int
	index    map[string]int32
	list     [][2][]uint64 // counting, present
	scratch  []byte
}

func newColumnStore(entities int) *columnStore {
	return &columnStore{entities: entities, index: map[string]int32{}}
}

// add returns the number of a column, which is a new one only if there is none
// equal.
func (s *columnStore) add(count, present *bitset.BitSet) int32 {
	a := wordsOf(count, s.entities)
	b := a
	if present != count {
		b = wordsOf(present, s.entities)
	}
	s.scratch = s.scratch[:0]
	for _, w := range a {
		s.scratch = binary.LittleEndian.AppendUint64(s.scratch, w)
	}
	for _, w := range b {
		s.scratch = binary.LittleEndian.AppendUint64(s.scratch, w)
	}
	id, known := s.index[string(s.scratch)]
	if !known {
		id = int32(len(s.list))
		s.index[string(s.scratch)] = id
		s.list = append(s.list, [2][]uint64{a, b})
	}
	return id
}

// wordsOf are the words of a bitmap, filled up for so many entities.
func wordsOf(b *bitset.BitSet, entities int) []uint64 {
	out := make([]uint64, (entities+63)/64)
	copy(out, b.Words())
	return out
}

// rows lays out the columns by entity.
func (s *columnStore) rows() (count, present []uint64, words int) {
	words = (len(s.list) + 63) / 64
	side := func(i int) []uint64 {
		out := make([]uint64, s.entities*words)
		var block [64]uint64
		for g := range words {
			cols := s.list[64*g : min(64*g+64, len(s.list))]
			for at := range (s.entities + 63) / 64 {
				clear(block[:])
				for j := range cols {
					block[j] = cols[j][i][at]
				}
				transpose(&block)
				for j := range min(64, s.entities-64*at) {
					out[(64*at+j)*words+g] = block[j]
				}
			}
		}
		return out
	}
	count = side(0)
	if !slices.ContainsFunc(s.list, func(c [2][]uint64) bool { return &c[0][0] != &c[1][0] && !slices.Equal(c[0], c[1]) }) {
		return count, count, words
	}
	return count, side(1), words
}

// transpose exchanges rows and columns of a 64 × 64 matrix of bits (H. Warren,
// Hacker's Delight, section 7-3).
func transpose(a *[64]uint64) {
	mask := uint64(0x00000000ffffffff)
	for j := 32; j != 0; {
		for k := 0; k < 64; k = (k + j + 1) &^ j {
			t := (a[k]>>j ^ a[k+j]) & mask
			a[k] ^= t << j
			a[k+j] ^= t
		}
		j >>= 1
		mask ^= mask << j
	}
}

// setStore collects the levels of sets as columns.
type setStore struct {
	columns *columnStore
}

// add turns the levels of a set, −1 for entities without a cell of it, into
// columns, the highest level first.
func (s setStore) add(levels []int32) []int32 {
	most := int32(-1)
	for _, l := range levels {
		most = max(most, l)
	}
	var out []int32
	for want := most; want >= 0; want-- {
		b := bitset.New(uint(s.columns.entities)) //nolint:gosec // never negative
		some := false
		for e, l := range levels {
			if l == want {
				b.Set(uint(e)) //nolint:gosec // never negative
				some = true
			}
		}
		if some {
			out = append(out, s.columns.add(b, b))
		}
	}
	return out
}
