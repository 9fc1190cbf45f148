package catalog

import "math/bits"

// tally counts, for many columns at a time, how many entities of a set have
// each: plane i holds bit i of every column's count. Adding a row costs about
// two operations a word, however many columns it has.
type tally struct {
	words  int
	planes [][]uint64
}

func newTally(words int) *tally { return &tally{words: words} }

// add counts a row of bits once.
func (t *tally) add(row []uint64) {
	for w, carry := range row {
		for i := 0; carry != 0; i++ {
			if i == len(t.planes) {
				t.planes = append(t.planes, make([]uint64, t.words))
			}
			p := t.planes[i]
			p[w], carry = p[w]^carry, p[w]&carry
		}
	}
}

// count is a column's count.
func (t *tally) count(column int) int {
	n := 0
	for i, p := range t.planes {
		n |= int(p[column>>6]>>(column&63)&1) << i
	}
	return n
}

// atLeast returns the columns with a count of k or more, k ≥ 1.
func (t *tally) atLeast(k int) []uint64 {
	out := make([]uint64, t.words)
	if bits.Len(uint(k)) > len(t.planes) { //nolint:gosec // positive
		return out
	}
	for w := range out {
		above, equal := uint64(0), ^uint64(0)
		for i := len(t.planes) - 1; i >= 0; i-- {
			p := t.planes[i][w]
			if k>>i&1 == 0 {
				above |= equal & p
				equal &^= p
			} else {
				equal &= p
			}
		}
		out[w] = above | equal
	}
	return out
}

// hasBit reports whether a bit is set.
func hasBit(set []uint64, i int) bool { return set[i>>6]>>(i&63)&1 != 0 }

// setBit sets a bit.
func setBit(set []uint64, i int) { set[i>>6] |= 1 << (i & 63) }
