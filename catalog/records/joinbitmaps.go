package records

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// JoinBitmaps checks a chunk's bitmaps and appends them to each other: for each
// period the one of those that count, and behind it, where there are such, the
// one of those that have a cell.
func JoinBitmaps(entities int, bitmaps, present [][]byte, both bool) ([]byte, *catalog.Refusal) {
	size := BitmapSize(entities)
	if len(bitmaps) == 0 || (len(bitmaps)+len(present))*size > catalog.MaxChunk {
		return nil, catalog.Invalid("bitmaps", "counts.size", len(bitmaps)+len(present), size, catalog.MaxChunk)
	}
	want := 0
	if both {
		want = len(bitmaps)
	}
	if len(present) != want {
		return nil, catalog.Invalid("present", "counts.present", len(present), want)
	}
	joined := make([]byte, 0, (len(bitmaps)+len(present))*size)
	for i, b := range bitmaps {
		if r := checkBitmap(fmt.Sprintf("bitmaps[%d]", i), entities, b); r != nil {
			return nil, r
		}
		joined = append(joined, b...)
		if !both {
			continue
		}
		at := fmt.Sprintf("present[%d]", i)
		if r := checkBitmap(at, entities, present[i]); r != nil {
			return nil, r
		}
		for j, bits := range b {
			if bits&^present[i][j] != 0 {
				return nil, catalog.Invalid(at, "counts.no_cell")
			}
		}
		joined = append(joined, present[i]...)
	}
	return joined, nil
}

func checkBitmap(at string, entities int, b []byte) *catalog.Refusal {
	size := BitmapSize(entities)
	if len(b) != size {
		return catalog.Invalid(at, "counts.bitmap_size", len(b), size, entities)
	}
	if spare := 8*size - entities; b[size-1]>>(8-spare) != 0 && spare > 0 {
		return catalog.Invalid(at, "counts.spare_bit")
	}
	return nil
}
