package catalog

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// bitmapSize is the length of a bitmap of so many entities.
func bitmapSize(entities int) int { return (entities + 7) / 8 }

// addCounts takes counting bitmaps of a protected dataset's version. The same
// chunk again changes nothing.
func addCounts(c *call, b VersionCounts) error {
	d, v, err := c.ownVersion(b.Dataset, b.Version, VersionProposed)
	if err != nil {
		return err
	}
	c.out.ID, c.out.Version = v.Dataset, v.Version
	m := slices.Index(d.Descriptor.measureNames(), b.Measure)
	switch {
	case d.Descriptor.Policy.Public:
		return conflict("public", "dataset %s is public and has no counting bitmaps", d.ID)
	case m < 0:
		return invalid("measure", "the dataset has no measure %.80q", b.Measure)
	}
	joined, r := joinBitmaps(v.Entities, b.Bitmaps, b.Present, d.Descriptor.countsPresence())
	if r != nil {
		return r
	}
	all := policyPeriods(d.Descriptor, v.VersionPropose)
	next := all.From + int64(v.Counted[m])
	if b.From < all.From || b.From > next {
		return conflict("chunk", "bitmaps of %s from period %d, the next is %d", b.Measure, b.From, next).withNumber("next", next)
	}
	key := countsKey(v.Dataset, v.Version, b.Measure, int(b.From-all.From))
	if b.From < next {
		held, err := c.tx.Get([]byte(key))
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if string(held) == string(joined) {
			return nil
		}
		return conflict("chunk", "bitmaps of %s from period %d, the next is %d", b.Measure, b.From, next).withNumber("next", next)
	}
	switch {
	case int64(len(b.Bitmaps)) > all.To-b.From:
		return invalid("bitmaps", "%d bitmaps from period %d on, the version ends before %d", len(b.Bitmaps), b.From, all.To)
	case v.Chunks == MaxChunks:
		return invalid("bitmaps", "the bitmaps come in more than %d chunks", MaxChunks).withFix("send more of them at a time")
	}
	if err := putName(c.tx, key, string(joined)); err != nil {
		return err
	}
	v.Counted[m] += len(b.Bitmaps)
	v.Chunks++
	return c.putVersion(v)
}

// countsPresence reports whether a version says, beside who counts, who has a
// cell at all. Where a period of the policy is one of the dataset's the two are
// the same.
func (d Descriptor) countsPresence() bool { return !d.Policy.Public && d.Policy.Grain != d.Grain }

// joinBitmaps checks a chunk's bitmaps and appends them to each other: for each
// period the one of those that count, and behind it, where there are such, the
// one of those that have a cell.
func joinBitmaps(entities int, bitmaps, present [][]byte, both bool) ([]byte, *Refusal) {
	size := bitmapSize(entities)
	if len(bitmaps) == 0 || (len(bitmaps)+len(present))*size > MaxChunk {
		return nil, invalid("bitmaps", "%d bitmaps of %d bytes, at most %d bytes are accepted", len(bitmaps)+len(present), size, MaxChunk)
	}
	want := 0
	if both {
		want = len(bitmaps)
	}
	if len(present) != want {
		return nil, invalid("present", "%d bitmaps of present entities, want %d", len(present), want)
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
				return nil, invalid(at, "an entity counts that has no cell")
			}
		}
		joined = append(joined, present[i]...)
	}
	return joined, nil
}

func checkBitmap(at string, entities int, b []byte) *Refusal {
	size := bitmapSize(entities)
	if len(b) != size {
		return invalid(at, "%d bytes, want %d for %d entities", len(b), size, entities)
	}
	if spare := 8*size - entities; b[size-1]>>(8-spare) != 0 && spare > 0 {
		return invalid(at, "a bit behind the last entity is set")
	}
	return nil
}

// checkCounts refuses to commit a version whose bitmaps are incomplete or not
// the ones announced.
func (c *call) checkCounts(d Dataset, v Version) error {
	if d.Descriptor.Policy.Public {
		return nil
	}
	all := policyPeriods(d.Descriptor, v.VersionPropose)
	periods := int(all.To - all.From)
	h := newCountsHash(v.Entities, all.From, periods, d.Descriptor.countsPresence())
	for i, m := range d.Descriptor.measureNames() {
		if v.Counted[i] != periods {
			return conflict("counts", "%d of %d bitmaps of %s have arrived", v.Counted[i], periods, m).
				withNumber("next", all.From+int64(v.Counted[i]))
		}
		h.measure(m)
		err := c.tx.Scan([]byte(countsPrefix(v.Dataset, v.Version, m)), func(_, value []byte) error {
			h.bitmaps(value)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the counts of %s: %w", m, err)
		}
	}
	if have := h.sum(); have != v.Counts {
		return conflict("digest", "the bitmaps have the digest %s, announced was %s", have, v.Counts).withFix("drop the version and propose it anew")
	}
	return nil
}

// countMaps are a measure's bitmaps of a version, one a period of the policy's
// grain from the first that it touches: who counts, and who has a cell at all.
type countMaps struct {
	counting bitmaps
	present  bitmaps // the same slice where the two cannot differ
}

// counts returns a measure's bitmaps of a version. periods are how many of the
// policy's grain the version touches; there are twice as many bitmaps where
// presence is told apart.
func (m *Machine) counts(r Reader, v Version, measure string, periods int) (countMaps, error) {
	read := func() (countMaps, error) {
		size := bitmapSize(v.Entities)
		var all bitmaps
		err := r.Scan([]byte(countsPrefix(v.Dataset, v.Version, measure)), func(_, value []byte) error {
			for len(value) >= size {
				all = append(all, unpackBitmap(v.Entities, value[:size]))
				value = value[size:]
			}
			return nil
		})
		if err != nil {
			return countMaps{}, fmt.Errorf("read the counts of %s: %w", measure, err)
		}
		switch len(all) {
		case periods:
			return countMaps{all, all}, nil
		case 2 * periods:
			var c countMaps
			for i := 0; i < len(all); i += 2 {
				c.counting, c.present = append(c.counting, all[i]), append(c.present, all[i+1])
			}
			return c, nil
		}
		return countMaps{}, fmt.Errorf("version %d of %s has %d bitmaps of %s for %d periods", v.Version, v.Dataset, len(all), measure, periods)
	}
	name := versionName(v.Dataset, v.Version) + "/" + measure + "/" + v.Counts.String()
	return recallOr(&m.memo, &m.memo.counts, memoCounts, name, read)
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
