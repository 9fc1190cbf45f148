package catalog

import "strconv"

// A version's tiles hold one column a measure, and beside them the companions
// that its descriptor declares: the squares of a measure's centred readings, and
// an indicator column for each of its buckets (1 in the cells whose reading lies in
// the bucket, 0 elsewhere). They are encrypted like the readings, packed alike, and
// have the measure's presence.

// TileColumn is one column of a version's tiles: the readings of the measure with
// that number in the descriptor, their squares, or the indicators of a bucket,
// which are numbered from 1, the lowest.
type TileColumn struct {
	Measure int
	Square  bool
	Bucket  int
}

// TileColumns lists the columns of a version's tiles in the order of its manifest:
// the measures, then measure by measure the squares and the buckets.
func (d Descriptor) TileColumns() []TileColumn {
	out := make([]TileColumn, len(d.Measures))
	for i := range d.Measures {
		out[i].Measure = i
	}
	for i, m := range d.Measures {
		if m.Squares {
			out = append(out, TileColumn{Measure: i, Square: true})
		}
		for b := range m.BucketCount() {
			out = append(out, TileColumn{Measure: i, Bucket: b + 1})
		}
	}
	return out
}

// Name is what the manifest calls the column: the measure's name, with .square or
// .bucket.N behind it. No measure has a point in its name.
func (c TileColumn) Name(d Descriptor) string {
	name := d.Measures[c.Measure].Name
	switch {
	case c.Square:
		return name + ".square"
	case c.Bucket > 0:
		return name + ".bucket." + strconv.Itoa(c.Bucket)
	}
	return name
}

// BucketCount is how many buckets the bounds make: one more than bounds, or none.
func (m Measure) BucketCount() int {
	if len(m.Buckets) == 0 {
		return 0
	}
	return len(m.Buckets) + 1
}

// BucketBounds are the bounds between the buckets in units of 10^-Decimals. A
// bound belongs to the bucket below it, so that what lies above a limit exceeds
// it: bucket i has the readings above bound i−1 up to bound i, the first begins
// with Min and the last ends with Max. (SQL's width_bucket counts a bound to the
// bucket above.)
func (m Measure) BucketBounds() []int64 {
	out := make([]int64, 0, len(m.Buckets))
	for _, text := range m.Buckets {
		if v, ok := parseFixed(text, m.Decimals); ok { // Check refused others
			out = append(out, v)
		}
	}
	return out
}

// Half is the greatest distance of a reading from Mid, in units of 10^-Decimals.
func (m Measure) Half() int64 { return max(m.Max-m.Mid(), m.Mid()-m.Min) }

// maxSquared is the greatest Half whose square is no more than MaxSum.
const maxSquared = 374_165_738

// TilesPerColumn is how many tiles a column of a version has. The blocks were
// checked.
func (b VersionPropose) TilesPerColumn() int64 {
	n := int64(0)
	for _, k := range b.Blocks {
		n += (int64(b.Periods)-1)/int64(k.Periods) + 1
	}
	return n
}

// Columns lists the columns that the tiles of a version of a dataset hold: all of
// TileColumns, or, of versions made before there were companions, the measures.
func (b VersionPropose) Columns(d Descriptor) []TileColumn {
	all := d.TileColumns()
	if b.HasCompanions(d) {
		return all
	}
	return all[:len(d.Measures)]
}

// HasCompanions reports whether the version has whatever companions the descriptor
// declares.
func (b VersionPropose) HasCompanions(d Descriptor) bool {
	return int64(b.Tiles) == b.TilesPerColumn()*int64(len(d.TileColumns()))
}

// CheckTiles refuses a number of tiles that the blocks do not make.
func (b VersionPropose) CheckTiles(d Descriptor) *Refusal {
	each, all := b.TilesPerColumn(), int64(len(d.TileColumns()))
	if want := each * all; int64(b.Tiles) != want && int64(b.Tiles) != each*int64(len(d.Measures)) {
		return Invalid("tiles", "version.tiles", b.Tiles, want, each, all)
	}
	if b.Tiles > MaxTiles {
		return Invalid("tiles", "version.tiles_most", b.Tiles, MaxTiles)
	}
	return nil
}
