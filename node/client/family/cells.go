package family

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
)

// Cells are the public facts on the cells of a dataset's versions: the
// disclosure.Cells of one report or test. They are read as they are asked for. A fault is
// kept until it is asked for; what was answered since is not to be used.
type Cells struct {
	ctx        context.Context //nolint:containedctx // of the one call that it serves
	client     *client.Client  // nil: only versions that were put in are asked for
	descriptor catalog.Descriptor
	versions   map[int]catalog.Version // as the ledger has them; nil: not read yet; looked up only
	counts     map[int]*tiles.Counts   // by version; looked up only
	coming     map[int]bool            // versions that were put in
	Err        error
}

// CellsOf returns the facts on the cells of a dataset, read for one call. c may be nil where
// only versions that are put in are asked for.
func CellsOf(ctx context.Context, c *client.Client, d catalog.Descriptor) *Cells {
	return &Cells{ctx: ctx, client: c, descriptor: d, counts: map[int]*tiles.Counts{}, coming: map[int]bool{}}
}

// Put adds a version that is yet to be published, and whose presence is at hand.
func (p *Cells) Put(version int, presence *tiles.Presence, first int64) error {
	counts, err := presence.Counts(p.descriptor, first)
	if err != nil {
		return fmt.Errorf("counts of version %d: %w", version, err)
	}
	p.counts[version], p.coming[version] = &counts, true
	return nil
}

// record is a version as the ledger has it; false: there is no such version. The versions are
// read once.
func (p *Cells) record(number int) (v catalog.Version, known bool, err error) {
	if p.versions == nil {
		all, err := p.client.Versions(p.ctx, p.descriptor.Dataset)
		if err != nil {
			return v, false, err
		}
		p.versions = make(map[int]catalog.Version, len(all))
		for _, v := range all {
			p.versions[v.Version] = v
		}
	}
	v, known = p.versions[number]
	return v, known, nil
}

// version is a version that has settled, as the ledger has it.
func (p *Cells) version(number int) (catalog.Version, error) {
	v, known, err := p.record(number)
	if err == nil && !known {
		err = fmt.Errorf("version %d of dataset %s has settled, and the node does not list it", number, p.descriptor.Dataset)
	}
	return v, err
}

// Fetch reads what will be asked for of a version, if there is such a version.
func (p *Cells) Fetch(number int) error {
	v, known, err := p.record(number)
	if known {
		_, err = countsOf(p.ctx, p.client, v)
	}
	return err
}

// of reads the counts of a version once; nil when that failed.
func (p *Cells) of(number int) *tiles.Counts {
	if c := p.counts[number]; c != nil || p.Err != nil {
		return c
	}
	v, err := p.version(number)
	if err == nil {
		var counts tiles.Counts
		counts, err = countsOf(p.ctx, p.client, v)
		p.counts[number] = &counts
	}
	if err != nil {
		p.Err = fmt.Errorf("read who has readings in version %d of dataset %s: %w", number, p.descriptor.Dataset, err)
		return nil
	}
	return p.counts[number]
}

// Live reports whether cells of a version may be summed: it is live, or will be, and not
// withdrawn.
func (p *Cells) Live(number int) bool {
	if p.coming[number] {
		return true
	}
	v, err := p.version(number)
	if err != nil && p.Err == nil {
		p.Err = err
	}
	return err == nil && v.State == catalog.VersionLive && v.Withdrawn == nil
}

// Cells implements disclosure.Cells.
func (p *Cells) Cells(version int, measure string, period int64) (present, counts disclosure.Bits) {
	v := p.of(version)
	if v == nil {
		return nil, nil
	}
	m := slices.Index(v.Measures, measure)
	if m < 0 || period < v.First || period-v.First >= int64(len(v.Bitmaps[m])) {
		return nil, nil // it has no such measure, or ends before
	}
	at := int(period - v.First)
	counts = disclosure.ReadBits(v.Bitmaps[m][at])
	if m < len(v.Present) && v.Present[m] != nil {
		return disclosure.ReadBits(v.Present[m][at]), counts
	}
	return counts, counts
}

// Unpaired implements disclosure.Cells: the bitmap of a pair says who has a cell of
// exactly one of the two somewhere in the period.
func (p *Cells) Unpaired(version int, a, b string, period int64) (disclosure.Bits, bool) {
	name := p.descriptor.PairName(a, b)
	v := p.of(version)
	if v == nil || name == "" || !slices.Contains(v.Measures, name) {
		return nil, false
	}
	_, unpaired := p.Cells(version, name, period)
	return unpaired, true
}

// countsOf computes who has cells and who counts in a version from its presence, by the
// columns that the version has: its dataset may have been amended since. They are held
// against the digest in the ledger, and computed once.
func countsOf(ctx context.Context, c *client.Client, v catalog.Version) (tiles.Counts, error) {
	return client.Cached(ctx, c, v.Counts, func(ctx context.Context) (tiles.Counts, error) {
		held, err := c.Descriptor(ctx, v.Dataset, v.Amended)
		if err != nil {
			return tiles.Counts{}, err
		}
		presence, err := c.Presence(ctx, held, v)
		if err != nil {
			return tiles.Counts{}, err
		}
		counts, err := presence.Counts(held, v.First)
		if err != nil {
			return tiles.Counts{}, err
		}
		if got := counts.Digest(); got != v.Counts {
			return tiles.Counts{}, fmt.Errorf("who counts in version %d of dataset %s has digest %s by its presence, the ledger says %s", v.Version, v.Dataset, got, v.Counts)
		}
		return counts, nil
	})
}
