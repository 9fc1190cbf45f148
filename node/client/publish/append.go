package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
)

// NeedPeriodsError is returned when tiles have to be encrypted again that this
// machine does not hold the readings of.
type NeedPeriodsError struct {
	Dataset  string
	Version  int    // the live one, whose readings are needed
	From, To string // first and last period
}

// Error implements error.
func (e *NeedPeriodsError) Error() string {
	return fmt.Sprintf("periods %s to %s of dataset %s share tiles with what is new or corrected, and this machine has not kept their readings: "+
		"make the record again with `weir dataset remember DESCRIPTOR.yaml FILES --version %d`, all files that were published in their order, or give all readings of these periods again, with what is new",
		e.From, e.To, e.Dataset, e.Version)
}

// NothingNewError is returned for an append that would change nothing.
type NothingNewError struct {
	Dataset string
	Version int    // the live one
	Last    string // its last period
	// Interrupted says that the version is what this machine was publishing when it was
	// interrupted: EndInterrupted does what was left.
	Interrupted bool
}

// Error implements error.
func (e *NothingNewError) Error() string {
	return fmt.Sprintf("the files bring nothing new: version %d of dataset %s has every reading of theirs, and all periods to %s", e.Version, e.Dataset, e.Last)
}

// appended is what a version takes over from the live one.
type appended struct {
	live catalog.Version
	// tiles are those of the manifest's that are taken as they are; zero digests are
	// encrypted anew.
	tiles [][][]catalog.Digest
	// unknown is how many of the first periods the panel does not have all readings of.
	unknown int
	changes *news.Changes // nil: this machine has no record to compare with
	fresh   int           // readings of periods and entities that the live version has not
}

// PrepareAppend reads what is to be published after a dataset's live version, for
// Publish: later periods, readings of earlier ones that came late, and corrected
// ones. The next version is the live one with these: cells that the files do not have
// stay as they are, so a reading cannot be removed this way. Tiles in which nothing
// changes are taken over by their digests; the others are encrypted again, with the
// readings that this machine kept. Where it has no record of them the files must have
// the periods of those tiles whole (*NeedPeriodsError says which).
//
// Entities appended to the registry since get blocks of their own. Attributes that the
// files have must be the registry's.
func PrepareAppend(ctx context.Context, c *client.Client, src *panel.Source, files []panel.File, progress func(Progress)) (*Prepared, error) {
	if err := awaitPending(ctx, c, src.Descriptor.Dataset, progress); err != nil {
		return nil, err
	}
	x, err := beginAppend(ctx, c, src)
	if err != nil {
		return nil, err
	}
	files, o := reading(files, progress)
	fresh, err := readRegistered(ctx, c, src, x.descriptor.Registry, x.ids, files, o)
	if err != nil {
		return nil, err
	}
	x.store = spill.New("", 0)
	err = errors.Join(x.assemble(fresh), fresh.Close())
	if x.panel != nil {
		x.panel.Report, x.panel.Caps = fresh.Report, fresh.Caps
	}
	if nothing, ok := errors.AsType[*NothingNewError](err); ok {
		last, unread := readLast(c, x.live.Dataset)
		nothing.Interrupted = last != nil && last.Pending == x.live.Manifest
		err = errors.Join(err, unread)
	}
	if err != nil {
		return nil, errors.Join(err, x.store.Close())
	}
	return &Prepared{Source: src, Panel: x.panel, Blocks: x.blocks, Presence: x.presence, appended: x.appended, store: x.store}, nil
}

// ReadFiles reads files of a dataset that has a registry as PrepareAppend reads them, without
// what is published of it. Faults of the data are *panel.Errors. The panel is to be closed.
func ReadFiles(ctx context.Context, c *client.Client, src *panel.Source, files []panel.File) (*panel.Panel, error) {
	ids, err := c.RegistryIDs(ctx, src.Descriptor.Registry)
	if err != nil {
		return nil, err
	}
	return readRegistered(ctx, c, src, src.Descriptor.Registry, ids, files, panel.Options{})
}

// readRegistered reads files whose entities are those of a registry that there is, and attributes as it has them.
func readRegistered(ctx context.Context, c *client.Client, src *panel.Source, registry string, ids []string, files []panel.File, o panel.Options) (*panel.Panel, error) {
	read := *src
	read.Registry = registry
	var err error
	if o.Attributes, err = registryAttributes(ctx, c, src, ids); err != nil {
		return nil, err
	}
	if o.Caps, err = readCaps(ctx, c, src, registry, len(ids)); err != nil {
		return nil, err
	}
	p, _, err := panel.Read(ctx, &read, ids, files, o)
	return p, err
}

// registryAttributes are the registry's values of the attributes that a descriptor takes from
// its files, by entity; nil where it takes none.
func registryAttributes(ctx context.Context, c *client.Client, src *panel.Source, ids []string) ([][]string, error) {
	if len(src.Attributes) == 0 {
		return nil, nil
	}
	id := src.Descriptor.Registry
	r, err := c.Registry(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read registry %s: %w", id, err)
	}
	rows, err := c.RegistryRows(ctx, id, len(ids))
	if err != nil {
		return nil, err
	}
	at := make([]int, len(src.AttributeIDs))
	for i, name := range src.AttributeIDs {
		if at[i] = slices.Index(r.Columns, name); at[i] < 0 {
			return nil, fmt.Errorf("registry %s has no attribute %q, which the descriptor of dataset %s takes from its files", id, name, src.Descriptor.Dataset)
		}
	}
	out := make([][]string, len(rows))
	for e, row := range rows {
		out[e] = make([]string, len(at))
		for i, column := range at {
			if 1+column >= len(row) {
				return nil, fmt.Errorf("row %d of registry %s has %d cells", e, id, len(row))
			}
			out[e][i] = row[1+column]
		}
	}
	return out, nil
}

// appending is an append under way.
type appending struct {
	appended
	descriptor catalog.Descriptor
	ids        []string // of the registry, as it is now
	old        *tiles.Presence
	manifest   tiles.Manifest
	record     *news.Record // of the live version; nil: it is not here
	store      *spill.Store // of the panel

	blocks   []catalog.Block
	panel    *panel.Panel
	presence *tiles.Presence
	known    []*bitset.BitSet // by measure: cells of which the panel has what there is
	touched  [][][]bool       // by measure, block and tile of the new layout: to be encrypted again
}

// beginAppend collects what is known of the live version.
func beginAppend(ctx context.Context, c *client.Client, src *panel.Source) (*appending, error) {
	id := src.Descriptor.Dataset
	me, err := c.Principal()
	if err != nil {
		return nil, fmt.Errorf("append to dataset %s: %w", id, err)
	}
	d, err := c.Dataset(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case len(d.Descriptor.Changes(src.Descriptor)) > 0:
		return nil, fmt.Errorf("dataset %s has another descriptor than the one that its files are to be read by; compare with `weir dataset show %s`", id, id)
	case d.Live == 0:
		return nil, fmt.Errorf("dataset %s has no live version to append to; publish its first one with `weir dataset publish`", id)
	}
	x := &appending{descriptor: d.Descriptor}
	if x.live, err = c.Version(ctx, id, d.Live); err != nil {
		return nil, err
	}
	if err := checkContinued(ctx, c, d, x.live); err != nil {
		return nil, err
	}
	key, err := c.PublisherKey(ctx, me)
	if err != nil {
		return nil, err
	}
	if key.ID != x.live.Key || key.Epoch != x.live.Epoch {
		return nil, fmt.Errorf("version %d of dataset %s is encrypted under key %s, epoch %d, and your key is now %s, epoch %d: publish all files anew",
			d.Live, id, x.live.Key, x.live.Epoch, key.ID, key.Epoch)
	}
	if x.ids, err = c.RegistryIDs(ctx, d.Descriptor.Registry); err != nil {
		return nil, err
	}
	if x.old, err = c.Presence(ctx, d.Descriptor, x.live); err != nil {
		return nil, err
	}
	if x.manifest, err = c.Manifest(ctx, x.live); err != nil {
		return nil, err
	}
	r, err := readRecord(ctx, c, news.Edition{Dataset: id, Version: d.Live})
	if err != nil {
		return nil, err
	}
	if r.Fits(x.live, d.Descriptor) {
		x.record = r
	}
	return x, nil
}

// assemble makes the panel of the next version. Cells whose readings are not here stay
// 0 in it: only their presence is of use, and no tile of theirs is encrypted again.
func (x *appending) assemble(fresh *panel.Panel) error {
	if fresh.First < x.live.First {
		grain := x.descriptor.Grain
		return fmt.Errorf("the files begin with period %s, and dataset %s with %s: earlier periods move every tile, so publish all files with `weir dataset publish`",
			grain.Format(fresh.First), x.descriptor.Dataset, grain.Format(x.live.First))
	}
	if err := x.layout(fresh); err != nil {
		return err
	}
	for m := range x.panel.Columns {
		if err := x.column(fresh, m); err != nil {
			return fmt.Errorf("append to dataset %s: %w", x.descriptor.Dataset, err)
		}
	}
	for _, step := range []func() error{x.compare, x.checkNew, x.checkKnown} {
		if err := step(); err != nil {
			return err
		}
	}
	x.takeTiles()
	return nil
}

// layout makes room for the periods and entities that come.
func (x *appending) layout(fresh *panel.Panel) error {
	entities, measures := len(x.ids), len(x.descriptor.Measures)
	periods := max(x.live.Periods, int(fresh.First-x.live.First)+fresh.Periods)
	x.blocks = append([]catalog.Block{}, x.live.Blocks...)
	if more := entities - x.live.Entities; more > 0 {
		for _, b := range tiles.Layout(catalog.TileCells, more, x.descriptor.Grain) {
			b.First += x.live.Entities
			x.blocks = append(x.blocks, b)
		}
	}
	if err := tiles.CheckBlocks(x.blocks, catalog.TileCells, entities, periods); err != nil {
		return fmt.Errorf("append to dataset %s: %w", x.descriptor.Dataset, err)
	}
	var err error
	if x.presence, err = tiles.NewPresence(measures, entities, periods); err != nil {
		return fmt.Errorf("append to dataset %s: %w", x.descriptor.Dataset, err)
	}
	x.panel = &panel.Panel{Entities: x.ids, First: x.live.First, Periods: periods}
	for m, measure := range x.descriptor.Measures {
		x.panel.Columns = append(x.panel.Columns, panel.Column{Measure: measure, Present: x.presence.Bits(m)})
		x.known = append(x.known, bitset.MustNew(uint(entities*periods))) //nolint:gosec // at most tiles.MaxCells
		blocks := make([][]bool, len(x.blocks))
		for b, block := range x.blocks {
			blocks[b] = make([]bool, tiles.PerBlock(block, periods))
			for k := range blocks[b] {
				_, to := tiles.TilePeriods(block, k, periods)
				// What the live version does not have, and tiles that get further periods.
				blocks[b][k] = b >= len(x.live.Blocks) || to > x.live.Periods
			}
		}
		x.touched = append(x.touched, blocks)
	}
	return nil
}

// checkNew refuses files that bring nothing.
func (x *appending) checkNew() error {
	if x.fresh > 0 {
		return nil
	}
	for m := range x.touched {
		for b := range x.live.Blocks {
			if slices.Contains(x.touched[m][b], true) {
				return nil
			}
		}
	}
	return &NothingNewError{Dataset: x.descriptor.Dataset, Version: x.live.Version, Last: x.descriptor.Grain.Format(x.live.First + int64(x.live.Periods) - 1)}
}

// checkKnown makes sure that all readings of tiles that are encrypted again are here,
// and finds from which period on the panel has all readings.
func (x *appending) checkKnown() error {
	first, last := -1, -1
	for m := range x.panel.Columns {
		for b, block := range x.blocks {
			for k, touched := range x.touched[m][b] {
				from, to := tiles.TilePeriods(block, k, x.panel.Periods)
				lacks := x.lacks(m, block, from, to)
				if lacks < 0 {
					continue
				}
				x.unknown = max(x.unknown, lacks+1)
				if !touched {
					continue
				}
				if first < 0 || from < first {
					first = from
				}
				last = max(last, min(to, x.live.Periods)-1)
			}
		}
	}
	if first < 0 {
		return nil
	}
	grain := x.descriptor.Grain
	return &NeedPeriodsError{Dataset: x.descriptor.Dataset, Version: x.live.Version, From: grain.Format(x.live.First + int64(first)), To: grain.Format(x.live.First + int64(last))}
}

// lacks is the last period of a tile with a reading that is not here, or −1.
func (x *appending) lacks(m int, block catalog.Block, from, to int) int {
	for p := to - 1; p >= from; p-- {
		for e := block.First; e < block.First+block.Entities; e++ {
			if !x.known[m].Test(uint(p*len(x.ids) + e)) { //nolint:gosec // not negative
				return p
			}
		}
	}
	return -1
}

// takeTiles names the tiles in which nothing changes, which are taken over.
func (x *appending) takeTiles() {
	columns := x.live.Columns(x.descriptor)
	x.tiles = make([][][]catalog.Digest, len(columns))
	for c, column := range columns {
		x.tiles[c] = make([][]catalog.Digest, len(x.blocks))
		for b, block := range x.blocks {
			x.tiles[c][b] = make([]catalog.Digest, tiles.PerBlock(block, x.panel.Periods))
			for k, touched := range x.touched[column.Measure][b] {
				if !touched {
					x.tiles[c][b][k] = x.manifest.Tiles[c][b][k]
				}
			}
		}
	}
}
