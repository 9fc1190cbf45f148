package tiles

import (
	"fmt"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
)

// Derived is a column of tiles that is made of a measure's cells while they are
// packed: the cells themselves, their squares, or the indicators of a bucket. No
// derived column is ever held as a whole.
type Derived struct {
	measure int
	square  bool
	bucket  bool
	above   int64          // encoded: the bucket has what is greater …
	to      int64          // … and no greater than this
	present *bitset.BitSet // of a bucket: a cell without a reading lies in none
}

// DeriveColumns lists how columns of tiles are made of the measures of a
// descriptor. presence is the panel's.
func DeriveColumns(d catalog.Descriptor, columns []catalog.TileColumn, presence *Presence) ([]Derived, error) {
	if measures, _, _ := presence.Size(); measures != len(d.Measures) {
		return nil, fmt.Errorf("derive columns: presence of %d measures, the descriptor has %d", measures, len(d.Measures))
	}
	out := make([]Derived, len(columns))
	for i, c := range columns {
		m := d.Measures[c.Measure]
		out[i] = Derived{measure: c.Measure, square: c.Square}
		if c.Bucket == 0 {
			continue
		}
		bounds := m.BucketBounds()
		if len(bounds) != len(m.Buckets) {
			return nil, fmt.Errorf("derive columns: the buckets of %s are no numbers: %q", m.Name, m.Buckets)
		}
		out[i].bucket, out[i].present = true, presence.Bits(c.Measure)
		out[i].above, out[i].to = m.Min-m.Mid()-1, m.Max-m.Mid()
		if c.Bucket > 1 {
			out[i].above = bounds[c.Bucket-2] - m.Mid()
		}
		if c.Bucket <= len(bounds) {
			out[i].to = bounds[c.Bucket-1] - m.Mid()
		}
	}
	return out, nil
}

// of derives the column's values in place; first is the first one's cell.
func (c Derived) of(values []int64, first int) {
	switch {
	case c.square:
		for i, v := range values {
			values[i] = v * v // 0 where there is no reading
		}
	case c.bucket:
		for i, v := range values {
			values[i] = 0
			if v > c.above && v <= c.to && c.present.Test(uint(first+i)) { //nolint:gosec // a cell's number
				values[i] = 1
			}
		}
	}
}
