package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/tiles"
)

// ErrUnknownEarlier is returned when readings are given again that this machine
// cannot compare with the ones that were published.
var ErrUnknownEarlier = errors.New("this machine has no record of the readings that were published")

// NeedPeriodsError is returned when tiles have to be encrypted again that this
// machine does not hold the readings of.
type NeedPeriodsError struct {
	Dataset  string
	From, To string // first and last period
}

// Error implements error.
func (e *NeedPeriodsError) Error() string {
	return fmt.Sprintf("periods %s to %s of dataset %s share tiles with what is new, and this machine has not kept their readings: "+
		"give the readings of these periods again with the new ones", e.From, e.To, e.Dataset)
}

// AppendOptions are the ways of PrepareAppend.
type AppendOptions struct {
	// Unchanged vouches that readings of earlier periods in the files are those
	// that were published, where this machine cannot tell. A reading that is not is
	// a correction, and a correction that nobody knows of can be computed from the
	// two versions' figures, of one entity alone.
	Unchanged bool
	Progress  func(Progress)
}

// appended is what a version takes over from the live one.
type appended struct {
	live   catalog.Version
	prints *cellPrints // of the live version; nil: not known
	// tiles are those of the manifest's that are taken as they are; zero digests are
	// encrypted anew.
	tiles [][][]catalog.Digest
}

// PrepareAppend reads the files of the periods that follow those of a dataset's
// live version, for PublishDataset. The next version is the live one with these
// periods: full tiles are taken over by their digests, tiles that were not full are
// encrypted again with the new readings, and entities appended to the registry
// since get blocks of their own. So the readings of the tiles that were not full
// are needed once more: they are kept on the machine that published them, and on
// another one the files must have them (*NeedPeriodsError says which). The files
// may have no earlier periods than these: nothing of them would be published.
// Readings that the files repeat must be the ones that were published.
func (c *Client) PrepareAppend(ctx context.Context, src *panel.Source, files []panel.File, o AppendOptions) (*Prepared, error) {
	x, err := c.beginAppend(ctx, src, o)
	if err != nil {
		return nil, err
	}
	read := *src
	read.Registry, read.Attributes = x.descriptor.Registry, nil
	files, po := reading(files, o.Progress)
	fresh, _, err := panel.Read(ctx, &read, x.ids, files, po)
	if err != nil {
		return nil, err
	}
	if err := x.checkExtent(fresh); err != nil {
		return nil, err
	}
	if err := x.assemble(fresh); err != nil {
		return nil, err
	}
	return &Prepared{Source: src, Panel: x.panel, Blocks: x.blocks, Presence: x.presence, appended: &x.appended}, nil
}

// appending is an append under way.
type appending struct {
	appended
	client     *Client
	descriptor catalog.Descriptor
	ids        []string // of the registry, as it is now
	old        *tiles.Presence
	manifest   tiles.Manifest
	kept       *kept // nil: the open tiles' readings are not here
	unchanged  bool

	blocks   []catalog.Block
	panel    *panel.Panel
	presence *tiles.Presence
}

// beginAppend collects what is known of the live version.
func (c *Client) beginAppend(ctx context.Context, src *panel.Source, o AppendOptions) (*appending, error) {
	id := src.Descriptor.Dataset
	me, err := c.principal()
	if err != nil {
		return nil, fmt.Errorf("append to dataset %s: %w", id, err)
	}
	d, err := c.Dataset(ctx, id)
	if err != nil {
		return nil, err
	}
	same, err := sameDescriptor(d.Descriptor, src.Descriptor)
	switch {
	case err != nil:
		return nil, err
	case !same:
		return nil, fmt.Errorf("dataset %s has another descriptor than the one that its files are to be read by; compare with `weir dataset show %s`", id, id)
	case d.Live == 0:
		return nil, fmt.Errorf("dataset %s has no live version to append to; publish its first one with `weir dataset publish`", id)
	}
	x := &appending{client: c, descriptor: d.Descriptor, unchanged: o.Unchanged}
	if x.live, err = c.Version(ctx, id, d.Live); err != nil {
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
	if k, err := c.recall(id); err != nil {
		return nil, err
	} else if k.fits(x.live, len(d.Descriptor.Measures)) {
		x.kept = k
	}
	prints, known, err := c.loadPrints(id, d.Live)
	if known {
		x.prints = &prints
	}
	return x, err
}

// checkExtent refuses files that begin before the open tiles, or have nothing new.
func (x *appending) checkExtent(fresh *panel.Panel) error {
	grain, end := x.descriptor.Grain, x.live.First+int64(x.live.Periods)
	open := int64(x.live.Periods)
	for _, b := range x.live.Blocks {
		open = min(open, int64(openPeriod(b, x.live.Periods)))
	}
	open += x.live.First
	first, last := fresh.First, fresh.First+int64(fresh.Periods)-1
	switch {
	case last < end:
		return fmt.Errorf("the files end with period %s, and version %d of dataset %s has all periods to %s already; corrections are published with `weir dataset publish` and all files",
			grain.Format(last), x.live.Version, x.descriptor.Dataset, grain.Format(end-1))
	case first < open:
		return fmt.Errorf("the files begin with period %s; what version %d of dataset %s has before %s stays as it is: leave it out, or publish all files with `weir dataset publish`",
			grain.Format(first), x.live.Version, x.descriptor.Dataset, grain.Format(open))
	}
	return nil
}

// assemble makes the panel of the next version. Cells of tiles that are taken over
// stay 0 in it: only their presence is of use.
func (x *appending) assemble(fresh *panel.Panel) error {
	entities, measures := len(x.ids), len(x.descriptor.Measures)
	periods := int(fresh.First-x.live.First) + fresh.Periods
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
		x.panel.Columns = append(x.panel.Columns, panel.Column{Measure: measure, Values: make([]int64, entities*periods), Present: x.presence.Bits(m)})
		for p := range x.live.Periods {
			for e := range x.live.Entities {
				if x.old.Has(m, e, p) {
					x.presence.Set(m, e, p)
				}
			}
		}
	}
	if err := x.takeTail(fresh); err != nil {
		return err
	}
	if err := x.takeFresh(fresh); err != nil {
		return err
	}
	x.takeTiles()
	return nil
}

// takeTail puts the readings of tiles that were not full into the panel, or makes
// sure that the files have them.
func (x *appending) takeTail(fresh *panel.Panel) error {
	for b, block := range x.live.Blocks {
		from := openPeriod(block, x.live.Periods)
		if x.kept == nil {
			if from < x.live.Periods && x.live.First+int64(from) < fresh.First {
				return x.needed()
			}
			continue
		}
		for m := range x.panel.Columns {
			for i, v := range x.kept.Tail[m][b] {
				period, entity := from+i/block.Entities, block.First+i%block.Entities
				x.panel.Columns[m].Values[period*len(x.ids)+entity] = v
			}
		}
	}
	return nil
}

// needed names the periods of all tiles that are not full.
func (x *appending) needed() error {
	from := x.live.Periods
	for _, b := range x.live.Blocks {
		from = min(from, openPeriod(b, x.live.Periods))
	}
	grain := x.descriptor.Grain
	return &NeedPeriodsError{
		Dataset: x.descriptor.Dataset, From: grain.Format(x.live.First + int64(from)),
		To: grain.Format(x.live.First + int64(x.live.Periods) - 1),
	}
}

// takeFresh puts the files' readings into the panel.
func (x *appending) takeFresh(fresh *panel.Panel) error {
	offset := int(fresh.First - x.live.First)
	for p := range fresh.Periods {
		repeated := offset+p < x.live.Periods
		for m := range fresh.Columns {
			maker := x.client.printer(x.descriptor.Dataset, x.descriptor.Measures[m].Name)
			from := &fresh.Columns[m]
			for e := range x.ids {
				cell, at := p*len(x.ids)+e, (offset+p)*len(x.ids)+e
				has := from.Present.Test(uint(cell)) //nolint:gosec // not negative
				if repeated {
					if err := x.checkRepeated(maker, m, e, offset+p, has, from.Values[cell]); err != nil {
						return err
					}
				}
				if has && (!repeated || x.openAt(e, offset+p)) {
					x.presence.Set(m, e, offset+p)
					x.panel.Columns[m].Values[at] = from.Values[cell]
				}
			}
		}
	}
	return nil
}

// checkRepeated holds a cell of a period that the live version has against what is
// known of it. In a tile that was not full, the files must have exactly its cells
// unless this machine kept them.
func (x *appending) checkRepeated(maker printer, m, entity, period int, has bool, value int64) error {
	had := entity < x.live.Entities && x.old.Has(m, entity, period)
	open := x.openAt(entity, period)
	if !has && (!had || !open || x.kept != nil) {
		return nil
	}
	name := fmt.Sprintf("%s of %q in %s", x.descriptor.Measures[m].Name, x.ids[entity], x.descriptor.Grain.Format(x.live.First+int64(period)))
	correct := "; corrections are published with `weir dataset publish` and all files"
	switch {
	case !has:
		return fmt.Errorf("version %d has a reading of %s, the files have none%s", x.live.Version, name, correct)
	case !had:
		return fmt.Errorf("the files have a reading of %s, version %d has none%s", name, x.live.Version, correct)
	}
	same, known := true, true
	switch {
	case x.kept != nil && open:
		same = x.panel.Columns[m].Values[period*len(x.ids)+entity] == value
	case x.prints != nil:
		at := x.live.First + int64(period)
		same = string(x.prints.at(m, entity, at)) == string(maker.print(nil, entity, at, value))
	default:
		known = x.unchanged || x.descriptor.Policy.Public
	}
	if !same {
		return fmt.Errorf("%s is another reading than in version %d%s", name, x.live.Version, correct)
	}
	if !known {
		return fmt.Errorf("%w: it cannot tell whether %s is what version %d has; append where that was published, or say that it is with --unchanged", ErrUnknownEarlier, name, x.live.Version)
	}
	return nil
}

// openAt reports whether a cell of the live version lies in a tile that was not
// full.
func (x *appending) openAt(entity, period int) bool {
	for _, b := range x.live.Blocks {
		if entity < b.First+b.Entities {
			return period >= openPeriod(b, x.live.Periods)
		}
	}
	return true
}

// takeTiles names the full tiles, which are taken over.
func (x *appending) takeTiles() {
	x.tiles = make([][][]catalog.Digest, len(x.live.Columns(x.descriptor)))
	for c := range x.tiles {
		x.tiles[c] = make([][]catalog.Digest, len(x.blocks))
		for b, block := range x.blocks {
			x.tiles[c][b] = make([]catalog.Digest, tiles.PerBlock(block, x.panel.Periods))
			if b < len(x.live.Blocks) {
				copy(x.tiles[c][b], x.manifest.Tiles[c][b][:x.live.Periods/block.Periods])
			}
		}
	}
}
