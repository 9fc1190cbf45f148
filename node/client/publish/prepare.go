package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client/news"
)

// Progress is how far the publishing of a dataset is.
type Progress struct {
	Stage      Stage
	Rows       int    // read of the files, or of the registry's arrived
	RowsTotal  int    // of the registry; 0 while files are read
	Tiles      int    // uploaded
	TilesTotal int    // of all columns
	Bytes      int64  // of the files read, or uploaded
	BytesTotal int64  // of the files; 0: not known
	Waiting    string // for what, where that takes long; in StageKey and StageChecking
}

// Stage is what publishing is busy with.
type Stage string

// Stages of publishing, in their order.
const (
	StageReading   Stage = "reading"   // files
	StageKey       Stage = "key"       // the nodes are still making the publisher's key
	StageRegistry  Stage = "registry"  // rows are sent
	StageUploading Stage = "uploading" // tiles are encrypted and sent
	StageProposing Stage = "proposing" // the ledger is told of the version
	StageChecking  Stage = "checking"  // nodes store, replicate and open the parity
)

// Prepared is a dataset version that was read, in plaintext. It stays on this machine:
// readings that are too many for memory are in a temporary file, encrypted under a key
// that is in memory alone (compute/spill). It is closed when it is not needed any more.
type Prepared struct {
	Source *panel.Source
	Panel  *panel.Panel
	// Registry is what the data makes; empty when the descriptor names one.
	Registry RegistryTable
	Blocks   []catalog.Block
	Presence *tiles.Presence
	// Holding, if not nil, is told about every second how much the nodes hold while they
	// store and check the version, from a goroutine that ends before Publish does.
	Holding func(Holding)
	// ClosedTo is the last period of the policy's grain that becomes final with this
	// version, where that is not the last one whose end the data reaches; see Closed.
	ClosedTo *int64

	appended appended     // what is taken over from the live version; zero: nothing
	store    *spill.Store // of an append's panel; nil: the panel has its own
}

// Close removes what of the readings is in a temporary file. Nothing can be published of
// it any more.
func (p *Prepared) Close() error {
	err := p.Panel.Close()
	if p.store != nil {
		err = errors.Join(err, p.store.Close())
	}
	return err
}

// OpenDescriptor reads a descriptor file.
func OpenDescriptor(path string) (*panel.Source, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return panel.ReadDescriptor(path, f)
}

// DataFiles names files for Prepare; they are opened there.
func DataFiles(paths []string) []panel.File {
	files := make([]panel.File, len(paths))
	for i, path := range paths {
		files[i] = panel.File{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(filepath.Clean(path)) }}
		if info, err := os.Stat(filepath.Clean(path)); err == nil && info.Mode().IsRegular() {
			files[i].Size = info.Size()
		}
	}
	return files
}

// countedFile counts what is read.
type countedFile struct {
	io.ReadCloser
	read *atomic.Int64
}

// Read implements io.Reader.
func (f *countedFile) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	f.read.Add(int64(n))
	return n, err
}

// countedAccess counts what is read of a file that is not copied to be read from its end.
type countedAccess struct {
	countedFile
	table.RandomAccess
}

// ReadAt implements io.ReaderAt.
func (f *countedAccess) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.RandomAccess.ReadAt(p, at)
	f.read.Add(int64(n))
	return n, err
}

// counted counts what is read of a file into read.
func counted(in io.ReadCloser, read *atomic.Int64) io.ReadCloser {
	f := countedFile{ReadCloser: in, read: read}
	if at, ok := in.(table.RandomAccess); ok {
		return &countedAccess{f, at}
	}
	return &f
}

// reading has progress told of the rows and bytes that are read of the files.
func reading(files []panel.File, progress func(Progress)) ([]panel.File, panel.Options) {
	if progress == nil {
		return files, panel.Options{}
	}
	var read atomic.Int64
	var total int64 // 0: not known
	told := slices.Clone(files)
	for i, f := range files {
		if f.Rows != nil {
			continue
		}
		told[i].Open = func() (io.ReadCloser, error) {
			in, err := f.Open()
			if err != nil {
				return nil, err
			}
			return counted(in, &read), nil
		}
		total += f.Size
	}
	if slices.ContainsFunc(files, func(f panel.File) bool { return f.Size == 0 }) {
		total = 0
	}
	return told, panel.Options{Progress: func(rows int) {
		now := Progress{Stage: StageReading, Rows: rows, Bytes: read.Load(), BytesTotal: total}
		if total > 0 {
			now.Bytes = min(now.Bytes, total) // a file may be read twice, for its encoding
		}
		progress(now)
	}}
}

// Prepare reads a dataset's files. registries has the registry that the descriptor names; it is
// not asked when the data makes its own. Faults of the data are *panel.Errors.
func Prepare(ctx context.Context, src *panel.Source, files []panel.File, registries Registries, progress func(Progress)) (*Prepared, error) {
	var registry []string
	var err error
	files, o := reading(files, progress)
	if src.Registry != "" {
		if registry, err = registries.RegistryIDs(ctx, src.Registry); err != nil {
			return nil, err
		}
		if o.Caps, err = readCaps(ctx, registries, src, src.Registry, len(registry)); err != nil {
			return nil, err
		}
	}
	p, attributes, err := panel.Read(ctx, src, registry, files, o)
	if err != nil {
		return nil, err
	}
	prepared, err := prepare(src, p, tiles.Layout(catalog.TileCells, len(p.Entities), src.Descriptor.Grain))
	if err == nil && src.Registry == "" {
		prepared.Registry = RegistryTable{
			ID: src.Descriptor.Registry, IDColumn: src.Descriptor.Entity, Columns: src.AttributeIDs, Rows: attributes,
		}
	}
	return prepared, err
}

// prepare is a panel that was read, which it closes where it fails.
func prepare(src *panel.Source, p *panel.Panel, blocks []catalog.Block) (*Prepared, error) {
	presence, err := p.Presence()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("presence of dataset %s: %w", src.Descriptor.Dataset, err), p.Close())
	}
	return &Prepared{Source: src, Panel: p, Blocks: blocks, Presence: presence}, nil
}

// Tiles is how many tiles of all measures and their companions will be published.
func (p *Prepared) Tiles() int {
	return tiles.TileCount(p.Blocks, p.Panel.Periods) * len(p.columns())
}

// columns are those of the tiles that will be published: all that the descriptor
// declares, or those of the version that is continued.
func (p *Prepared) columns() []catalog.TileColumn {
	if p.appended.tiles == nil {
		return p.Source.Descriptor.TileColumns()
	}
	return p.appended.live.Columns(p.Source.Descriptor)
}

// Reused is how many of them the version before has already.
func (p *Prepared) Reused() int { return len(p.reused()) }

// reused are the tiles that are taken over.
func (p *Prepared) reused() (taken []catalog.Digest) {
	for _, blocks := range p.appended.tiles {
		taken = append(taken, slices.Concat(blocks...)...)
	}
	return slices.DeleteFunc(taken, catalog.Digest.IsZero)
}

// layout has a digest for each tile, zero but for those that are taken over.
func (p *Prepared) layout() [][][]catalog.Digest {
	out := make([][][]catalog.Digest, len(p.columns()))
	for c := range out {
		out[c] = make([][]catalog.Digest, len(p.Blocks))
		for b, block := range p.Blocks {
			out[c][b] = make([]catalog.Digest, tiles.PerBlock(block, p.Panel.Periods))
			if p.appended.tiles != nil {
				copy(out[c][b], p.appended.tiles[c][b])
			}
		}
	}
	return out
}

// record is what is kept of the version that this becomes.
func (p *Prepared) record(version int) *news.Record {
	return news.RecordOf(p.Source.Descriptor, p.Panel, version, p.appended.unknown)
}

// Changes are how many readings an append changes of the version that it continues; nil
// where nothing is continued, or this machine has no record of that version.
func (p *Prepared) Changes() *news.Changes { return p.appended.changes }

// proposed is how the version is announced, as far as its periods go.
func (p *Prepared) proposed() catalog.VersionPropose {
	return catalog.VersionPropose{Dataset: p.Source.Descriptor.Dataset, First: p.Panel.First, Periods: p.Panel.Periods, Entities: len(p.Panel.Entities)}
}

// Closed are the periods of the policy's grain that become final with this version:
// all that the data reaches the end of, or those to ClosedTo. None are of a public
// dataset. It fails where ClosedTo is a period that the data does not reach the end of.
func (p *Prepared) Closed() (calendar.Interval, error) {
	d := p.Source.Descriptor
	if d.Policy.Public {
		if p.ClosedTo != nil {
			return calendar.Interval{}, fmt.Errorf("dataset %s is public: its periods need not be closed", d.Dataset)
		}
		return calendar.Interval{}, nil
	}
	may := p.proposed().MayClose(d)
	if p.ClosedTo == nil {
		return may, nil
	}
	grain, to := d.Policy.Grain, *p.ClosedTo
	switch all := p.proposed().PolicyPeriods(d); {
	case to < all.From-1 || to >= all.To:
		return calendar.Interval{}, fmt.Errorf("the last closed period cannot be %s: the data of dataset %s goes from %s to %s",
			grain.Format(to), d.Dataset, grain.Format(all.From), grain.Format(all.To-1))
	case to >= may.To && to >= all.From:
		return calendar.Interval{}, fmt.Errorf("%s cannot be closed: the data of dataset %s does not reach its end, and a period is not settled by its first part",
			grain.Format(to), d.Dataset)
	case to < may.From:
		return calendar.Interval{}, nil
	}
	return calendar.Interval{From: may.From, To: to + 1}, nil
}

// Readings is how many cells hold one.
func (p *Prepared) Readings() int {
	n := 0
	for m := range p.Panel.Columns {
		n += p.Presence.Count(m)
	}
	return n
}
