package panel

import (
	"fmt"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/tiles"
)

// Panel is what was read: every measure's readings over entities × periods.
// Cell (entity e, period p) stands at p·len(Entities) + e, p counting from
// First, which is an index in the dataset's grain.
type Panel struct {
	Entities []string // ids, in the registry's order
	First    int64
	Periods  int
	Columns  []Column
	Report   Report    // of the files that were read
	Caps     [][]int64 // by measure and entity, that its readings were checked by; nil: there are none

	store *spill.Store // nil: of no use
}

// Column holds one measure's cells, encoded: v·10^Decimals − Mid, and 0 where
// there is no reading.
type Column struct {
	Measure catalog.Measure
	Values  *spill.Numbers
	Present *bitset.BitSet
}

var _ tiles.Source = (*Panel)(nil)

// Size returns the numbers of measures, entities and periods.
func (p *Panel) Size() (measures, entities, periods int) {
	return len(p.Columns), len(p.Entities), p.Periods
}

// Read copies the encoded cells of a measure from one on.
func (p *Panel) Read(measure, from int, into []int64) error {
	return p.Columns[measure].Values.Read(from, into)
}

// Close removes what is in a temporary file. The panel's values must not be read any more.
func (p *Panel) Close() error {
	if p.store == nil {
		return nil
	}
	return p.store.Close()
}

// Presence is the panel's public presence. It shares the columns' bit sets.
func (p *Panel) Presence() (*tiles.Presence, error) {
	sets := make([]*bitset.BitSet, len(p.Columns))
	for i, c := range p.Columns {
		sets[i] = c.Present
	}
	return tiles.PresenceOf(sets, len(p.Entities), p.Periods)
}

// Counts are the counting bitmaps that the log needs beside the presence; none
// are needed of a dataset whose policy is public.
func (p *Panel) Counts(d catalog.Descriptor) (tiles.Counts, error) {
	presence, err := p.Presence()
	if err != nil {
		return tiles.Counts{}, fmt.Errorf("count entities: %w", err)
	}
	return presence.Counts(d, p.First)
}
