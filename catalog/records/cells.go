package records

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
)

// Cells are the public facts on the cells of a dataset's versions, read from the
// counting bitmaps as they are asked for. It is the disclosure.Cells of one entry or
// one view; a fault of the store is kept until fault is asked.
type Cells struct {
	cache    *Cache
	r        Reader
	dataset  catalog.Dataset
	Versions *VersionsRead
	held     map[cellsOf]CountMaps // likewise
	err      error
}

type cellsOf struct {
	version int
	measure string
}

// CellsOf returns the cells of a dataset's versions, read when they are asked for.
func (m *Cache) CellsOf(r Reader, d catalog.Dataset) *Cells {
	return &Cells{cache: m, r: r, dataset: d, Versions: NewVersionsRead(m, r), held: map[cellsOf]CountMaps{}}
}

// VersionsRead are versions that one entry or one view reads, each once. What they point
// to is not to be changed.
type VersionsRead struct {
	cache *Cache
	r     Reader
	held  map[catalog.VersionOf]catalog.Version // looked up only
}

// NewVersionsRead returns versions of which none is read yet.
func NewVersionsRead(m *Cache, r Reader) *VersionsRead {
	return &VersionsRead{m, r, map[catalog.VersionOf]catalog.Version{}}
}

// Version returns a version, from what was read before where it was.
func (v *VersionsRead) Version(at catalog.VersionOf) (catalog.Version, error) {
	held, known := v.held[at]
	if known {
		return held, nil
	}
	held, err := v.cache.Version(v.r, at)
	if err == nil {
		v.held[at] = held
	}
	return held, err
}

// Fault is the first fault of the store: what was answered since is not to be used.
func (c *Cells) Fault() error { return c.err }

// Version is a version of the dataset.
func (c *Cells) Version(number int) catalog.Version {
	if c.err != nil {
		return catalog.Version{}
	}
	var v catalog.Version
	v, c.err = c.Versions.Version(catalog.VersionOf{Dataset: c.dataset.ID, Version: number})
	return v
}

// Live reports whether a version's cells may be summed: it is live and not withdrawn.
func (c *Cells) Live(number int) bool {
	v := c.Version(number)
	return v.State == catalog.VersionLive && v.Withdrawn == nil
}

// Cells implements disclosure.Cells.
func (c *Cells) Cells(version int, measure string, period int64) (present, counts disclosure.Bits) {
	v := c.Version(version)
	all := v.PolicyPeriods(c.dataset.Descriptor)
	if c.err != nil || period < all.From || period >= all.To {
		return nil, nil
	}
	key := cellsOf{version, measure}
	held, known := c.held[key]
	if !known {
		if held, c.err = c.cache.VersionCounts(c.r, v, measure, int(all.To-all.From)); c.err != nil {
			return nil, nil
		}
		c.held[key] = held
	}
	at := int(period - all.From)
	if at >= len(held.Counting) {
		return nil, nil
	}
	return held.present[at].Words(), held.Counting[at].Words()
}

// Unpaired implements disclosure.Cells: the bitmap of a pair says who has a cell of
// exactly one of the two somewhere in the period.
func (c *Cells) Unpaired(version int, a, b string, period int64) (disclosure.Bits, bool) {
	name := c.dataset.Descriptor.PairName(a, b)
	if name == "" {
		return nil, false
	}
	_, unpaired := c.Cells(version, name, period)
	return unpaired, c.err == nil && len(c.held[cellsOf{version, name}].Counting) > 0
}
