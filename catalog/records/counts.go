package records

import (
	"encoding/binary"
	"fmt"

	"github.com/bits-and-blooms/bitset"
	"github.com/weirdata/weir/catalog"
)

// BitmapSize is the length of a bitmap of so many entities.
func BitmapSize(entities int) int { return (entities + 7) / 8 }

// CountMaps are a measure's bitmaps of a version, one a period of the policy's
// grain from the first that it touches: who counts, and who has a cell at all.
type CountMaps struct {
	Counting Bitmaps
	present  Bitmaps // the same slice where the two cannot differ
}

// VersionCounts returns a measure's bitmaps of a version. periods are how many of the
// policy's grain the version touches; there are twice as many bitmaps where
// presence is told apart.
func (m *Cache) VersionCounts(r Reader, v catalog.Version, measure string, periods int) (CountMaps, error) {
	read := func() (CountMaps, error) {
		size := BitmapSize(v.Entities)
		var all Bitmaps
		err := r.Scan([]byte(CountsPrefix(v.Dataset, v.Version, measure)), func(_, value []byte) error {
			for len(value) >= size {
				all = append(all, unpackBitmap(v.Entities, value[:size]))
				value = value[size:]
			}
			return nil
		})
		if err != nil {
			return CountMaps{}, fmt.Errorf("read the counts of %s: %w", measure, err)
		}
		switch len(all) {
		case 0: // the descriptor got the measure later
			return CountMaps{}, nil
		case periods:
			return CountMaps{all, all}, nil
		case 2 * periods:
			var c CountMaps
			for i := 0; i < len(all); i += 2 {
				c.Counting, c.present = append(c.Counting, all[i]), append(c.present, all[i+1])
			}
			return c, nil
		}
		return CountMaps{}, fmt.Errorf("version %d of %s has %d bitmaps of %s for %d periods", v.Version, v.Dataset, len(all), measure, periods)
	}
	name := VersionName(v.Dataset, v.Version) + "/" + measure + "/" + v.Counts.String()
	return recallOr(m, &m.counts, cachedCounts, name, read)
}

func unpackBitmap(entities int, b []byte) *bitset.BitSet {
	padded := make([]byte, (len(b)+7)/8*8)
	copy(padded, b)
	words := make([]uint64, len(padded)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(padded[8*i:])
	}
	return bitset.FromWithLength(uint(entities), words) //nolint:gosec // never negative
}

// Bitmaps are a measure's counting bitmaps, one a period of the policy's grain.
type Bitmaps = []*bitset.BitSet
