package tables

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/weirdata/weir/catalog"
)

// RowsDigest is the digest of registry rows (id, then attributes) in order:
// SHA-256 over a label and, per row, the number of its cells and each cell with
// its length, as unsigned varints.
func RowsDigest(rows [][]string) catalog.Digest {
	h := sha256.New()
	b := []byte("weir rows v1\n")
	for _, row := range rows {
		b = binary.AppendUvarint(b, uint64(len(row)))
		for _, cell := range row {
			b = binary.AppendUvarint(b, uint64(len(cell)))
			b = append(b, cell...)
		}
		h.Write(b)
		b = b[:0]
	}
	h.Write(b) // the label, where there are no rows
	return catalog.Digest(h.Sum(nil))
}

// CountsDigest is the digest of a version's counting bitmaps: for every measure,
// in the descriptor's order, one bitmap of ⌈entities/8⌉ bytes for each period of
// the policy's grain from the period first on. SHA-256 over a label, the
// numbers, and per measure its name and its bitmaps. present is nil, or holds for
// each of them the bitmap of those that have a cell at all, which then stands
// behind it and makes the label another.
func CountsDigest(entities int, first int64, measures []string, bitmaps, present [][][]byte) catalog.Digest {
	periods := 0
	if len(bitmaps) > 0 {
		periods = len(bitmaps[0])
	}
	h := NewCountsHash(entities, first, periods, present != nil)
	for i, name := range measures {
		h.Measure(name)
		if i < len(bitmaps) {
			for p, b := range bitmaps[i] {
				h.Bitmaps(b)
				if i < len(present) && p < len(present[i]) {
					h.Bitmaps(present[i][p])
				}
			}
		}
	}
	return h.Sum()
}

// CountsHash computes a CountsDigest of bitmaps that are not all in memory: for each
// measure Measure, then Bitmaps in order.
type CountsHash struct{ h hash.Hash }

// NewCountsHash begins the digest of a version of so many entities and periods of the
// policy's grain from first on; present says that bitmaps of presence are among them.
func NewCountsHash(entities int, first int64, periods int, present bool) CountsHash {
	h := sha256.New()
	b := []byte("weir counts v1\n")
	if present {
		b = []byte("weir counts and presence v1\n")
	}
	b = binary.AppendVarint(b, int64(entities))
	b = binary.AppendVarint(b, first)
	b = binary.AppendVarint(b, int64(periods))
	h.Write(b)
	return CountsHash{h}
}

// Measure begins a measure.
func (c CountsHash) Measure(name string) {
	c.h.Write(binary.AppendUvarint(nil, uint64(len(name))))
	c.h.Write([]byte(name))
}

// Bitmaps adds the next bitmaps of the measure, one after the other.
func (c CountsHash) Bitmaps(b []byte) { c.h.Write(b) }

// Sum is the digest of what was added.
func (c CountsHash) Sum() catalog.Digest { return catalog.Digest(c.h.Sum(nil)) }
