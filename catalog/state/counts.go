package state

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/tables"
)

// addCounts takes counting bitmaps of a protected dataset's version. The same
// chunk again changes nothing.
func addCounts(c *applyContext, b catalog.VersionCounts) error {
	d, v, err := c.ownVersion(b.Dataset, b.Version, catalog.VersionProposed)
	if err != nil {
		return err
	}
	c.out.ID, c.out.Version = v.Dataset, v.Version
	m := slices.Index(d.Descriptor.Counted(), b.Measure)
	switch {
	case d.Descriptor.Policy.Public:
		return catalog.Conflict("public", "counts.public", d.ID)
	case m < 0:
		return catalog.Invalid("measure", "counts.measure", b.Measure)
	}
	joined, r := records.JoinBitmaps(v.Entities, b.Bitmaps, b.Present, d.Descriptor.CountsPresence() && m < len(d.Descriptor.Measures))
	if r != nil {
		return r
	}
	all := v.PolicyPeriods(d.Descriptor)
	next := all.From + int64(v.Counted[m])
	key := records.CountsKey(v.Dataset, v.Version, b.Measure, int(b.From-all.From))
	if b.From >= all.From && b.From < next {
		if same, err := holds(c.tx, key, joined); err != nil || same {
			return err
		}
	}
	switch {
	case b.From != next:
		return catalog.Conflict("chunk", "counts.chunk", b.Measure, b.From, next).WithNumber("next", next)
	case int64(len(b.Bitmaps)) > all.To-b.From:
		return catalog.Invalid("bitmaps", "counts.end", len(b.Bitmaps), b.From, all.To)
	case v.Chunks == catalog.MaxChunks:
		return catalog.Invalid("bitmaps", "counts.chunks", catalog.MaxChunks)
	}
	v.Counted[m] += len(b.Bitmaps)
	v.Chunks++
	return cmp.Or(records.PutText(c.tx, key, string(joined)), c.putVersion(v))
}

// checkCounts refuses to commit a version whose bitmaps are incomplete or not
// the ones announced.
func checkCounts(c *applyContext, d catalog.Dataset, v catalog.Version) error {
	if d.Descriptor.Policy.Public {
		return nil
	}
	all := v.PolicyPeriods(d.Descriptor)
	periods := int(all.To - all.From)
	h := tables.NewCountsHash(v.Entities, all.From, periods, d.Descriptor.CountsPresence())
	for i, m := range d.Descriptor.Counted() {
		if v.Counted[i] != periods {
			return catalog.Conflict("counts", "counts.missing", v.Counted[i], periods, m).
				WithNumber("next", all.From+int64(v.Counted[i]))
		}
		h.Measure(m)
		err := c.tx.Scan([]byte(records.CountsPrefix(v.Dataset, v.Version, m)), func(_, value []byte) error {
			h.Bitmaps(value)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the counts of %s: %w", m, err)
		}
	}
	if have := h.Sum(); have != v.Counts {
		return catalog.Conflict("digest", "counts.digest", have, v.Counts)
	}
	return nil
}
