package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// RowsDigest is the digest of registry rows (id, then attributes) in order:
// SHA-256 over a label and, per row, the number of its cells and each cell with
// its length, as unsigned varints.
func RowsDigest(rows [][]string) Digest {
	h := newRowsHash()
	h.add(rows)
	return h.sum()
}

type rowsHash struct {
	h   hash.Hash
	buf []byte
}

func newRowsHash() *rowsHash {
	h := sha256.New()
	h.Write([]byte("weir rows v1\n"))
	return &rowsHash{h: h}
}

func (r *rowsHash) add(rows [][]string) {
	for _, row := range rows {
		r.buf = binary.AppendUvarint(r.buf[:0], uint64(len(row)))
		for _, cell := range row {
			r.buf = binary.AppendUvarint(r.buf, uint64(len(cell)))
			r.buf = append(r.buf, cell...)
		}
		r.h.Write(r.buf)
	}
}

func (r *rowsHash) sum() Digest { return Digest(r.h.Sum(nil)) }

// CountsDigest is the digest of a version's counting bitmaps: for every measure,
// in the descriptor's order, one bitmap of ⌈entities/8⌉ bytes for each period of
// the policy's grain from the period first on. SHA-256 over a label, the
// numbers, and per measure its name and its bitmaps. present is nil, or holds for
// each of them the bitmap of those that have a cell at all, which then stands
// behind it and makes the label another.
func CountsDigest(entities int, first int64, measures []string, bitmaps, present [][][]byte) Digest {
	periods := 0
	if len(bitmaps) > 0 {
		periods = len(bitmaps[0])
	}
	h := newCountsHash(entities, first, periods, present != nil)
	for i, name := range measures {
		h.measure(name)
		if i < len(bitmaps) {
			for p, b := range bitmaps[i] {
				h.bitmaps(b)
				if i < len(present) && p < len(present[i]) {
					h.bitmaps(present[i][p])
				}
			}
		}
	}
	return h.sum()
}

type countsHash struct{ h hash.Hash }

func newCountsHash(entities int, first int64, periods int, present bool) countsHash {
	h := sha256.New()
	b := []byte("weir counts v1\n")
	if present {
		b = []byte("weir counts and presence v1\n")
	}
	b = binary.AppendVarint(b, int64(entities))
	b = binary.AppendVarint(b, first)
	b = binary.AppendVarint(b, int64(periods))
	h.Write(b)
	return countsHash{h}
}

func (c countsHash) measure(name string) {
	c.h.Write(binary.AppendUvarint(nil, uint64(len(name))))
	c.h.Write([]byte(name))
}

func (c countsHash) bitmaps(b []byte) { c.h.Write(b) }

func (c countsHash) sum() Digest { return Digest(c.h.Sum(nil)) }
