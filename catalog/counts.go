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
	joined, r := joinBitmaps(v.Entities, b.Bitmaps)
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

// joinBitmaps checks a chunk's bitmaps and appends them to each other.
func joinBitmaps(entities int, bitmaps [][]byte) ([]byte, *Refusal) {
	size := bitmapSize(entities)
	if len(bitmaps) == 0 || len(bitmaps)*size > MaxChunk {
		return nil, invalid("bitmaps", "%d bitmaps of %d bytes, at most %d bytes are accepted", len(bitmaps), size, MaxChunk)
	}
	joined := make([]byte, 0, len(bitmaps)*size)
	for i, b := range bitmaps {
		at := fmt.Sprintf("bitmaps[%d]", i)
		if len(b) != size {
			return nil, invalid(at, "%d bytes, want %d for %d entities", len(b), size, entities)
		}
		if spare := 8*size - entities; b[size-1]>>(8-spare) != 0 && spare > 0 {
			return nil, invalid(at, "a bit behind the last entity is set")
		}
		joined = append(joined, b...)
	}
	return joined, nil
}

// checkCounts refuses to commit a version whose bitmaps are incomplete or not
// the ones announced.
func (c *call) checkCounts(d Dataset, v Version) error {
	if d.Descriptor.Policy.Public {
		return nil
	}
	all := policyPeriods(d.Descriptor, v.VersionPropose)
	periods := int(all.To - all.From)
	h := newCountsHash(v.Entities, all.From, periods)
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

// counts returns a measure's bitmaps of a version, from the first period of the
// policy's grain that the version touches.
func (m *Machine) counts(r Reader, v Version, measure string) ([]*bitset.BitSet, error) {
	read := func() ([]*bitset.BitSet, error) {
		size := bitmapSize(v.Entities)
		var all []*bitset.BitSet
		err := r.Scan([]byte(countsPrefix(v.Dataset, v.Version, measure)), func(_, value []byte) error {
			for len(value) >= size {
				all = append(all, unpackBitmap(v.Entities, value[:size]))
				value = value[size:]
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the counts of %s: %w", measure, err)
		}
		return all, nil
	}
	if v.State == VersionProposed || v.State == VersionRejected {
		return read() // may still change
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
