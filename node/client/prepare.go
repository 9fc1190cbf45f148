package client

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/tiles"
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

// Prepared is a dataset version read into memory, in plaintext. It stays on
// this machine.
type Prepared struct {
	Source *panel.Source
	Panel  *panel.Panel
	// Registry is what the data makes; empty when the descriptor names one.
	Registry RegistryTable
	Blocks   []catalog.Block
	Presence *tiles.Presence
	// Holding, if not nil, is told about every second how much the nodes hold while they
	// store and check the version, from a goroutine that ends before PublishDataset does.
	Holding func(Holding)

	appended *appended // what is taken over from the live version; nil: nothing
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

// measured are files that count the bytes read of them, and how many they have; 0
// where that is not known.
func measured(files []panel.File, read *atomic.Int64) (out []panel.File, total int64) {
	known := true
	for _, f := range files {
		open := f.Open
		f.Open = func() (io.ReadCloser, error) {
			in, err := open()
			if err != nil {
				return nil, err
			}
			return &countedFile{ReadCloser: in, read: read}, nil
		}
		out = append(out, f)
		total += f.Size
		known = known && f.Size > 0
	}
	if !known {
		total = 0
	}
	return out, total
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

// reading has progress told of the rows and bytes that are read of the files.
func reading(files []panel.File, progress func(Progress)) ([]panel.File, panel.Options) {
	if progress == nil {
		return files, panel.Options{}
	}
	var read atomic.Int64
	files, total := measured(files, &read)
	return files, panel.Options{Progress: func(rows int) {
		now := Progress{Stage: StageReading, Rows: rows, Bytes: read.Load(), BytesTotal: total}
		if total > 0 {
			now.Bytes = min(now.Bytes, total) // a file may be read twice, for its encoding
		}
		progress(now)
	}}
}

// Prepare reads a dataset's files. ids returns the ids of the registry that
// the descriptor names, in its order; it is not called when the data makes its
// own. Faults of the data are *panel.Errors.
func Prepare(ctx context.Context, src *panel.Source, files []panel.File, ids func(context.Context, string) ([]string, error), progress func(Progress)) (*Prepared, error) {
	var registry []string
	var err error
	if src.Registry != "" {
		if registry, err = ids(ctx, src.Registry); err != nil {
			return nil, err
		}
	}
	files, o := reading(files, progress)
	p, attributes, err := panel.Read(ctx, src, registry, files, o)
	if err != nil {
		return nil, err
	}
	prepared := &Prepared{Source: src, Panel: p, Blocks: tiles.Layout(catalog.TileCells, len(p.Entities), src.Descriptor.Grain)}
	if src.Registry == "" {
		prepared.Registry = RegistryTable{
			ID: src.Descriptor.Registry, IDColumn: src.Descriptor.Entity, Columns: src.AttributeIDs, Rows: attributes,
		}
	}
	if prepared.Presence, err = p.Presence(); err != nil {
		return nil, fmt.Errorf("presence of dataset %s: %w", src.Descriptor.Dataset, err)
	}
	return prepared, nil
}

// Tiles is how many tiles of all measures and their companions will be published.
func (p *Prepared) Tiles() int {
	return tiles.TileCount(p.Blocks, p.Panel.Periods) * len(p.columns())
}

// columns are those of the tiles that will be published: all that the descriptor
// declares, or those of the version that is continued.
func (p *Prepared) columns() []catalog.TileColumn {
	if p.appended == nil {
		return p.Source.Descriptor.TileColumns()
	}
	return p.appended.live.Columns(p.Source.Descriptor)
}

// Reused is how many of them the version before has already.
func (p *Prepared) Reused() int {
	n := 0
	if p.appended != nil {
		for _, blocks := range p.appended.tiles {
			for _, digests := range blocks {
				for _, d := range digests {
					if !d.IsZero() {
						n++
					}
				}
			}
		}
	}
	return n
}

// reusedTiles are the tiles that are taken over; nil where there are none.
func (p *Prepared) reusedTiles() [][][]catalog.Digest {
	if p.appended == nil {
		return nil
	}
	return p.appended.tiles
}

// layout has a digest for each tile, zero but for those that are taken over.
func (p *Prepared) layout() [][][]catalog.Digest {
	out := make([][][]catalog.Digest, len(p.columns()))
	for c := range out {
		out[c] = make([][]catalog.Digest, len(p.Blocks))
		for b, block := range p.Blocks {
			out[c][b] = make([]catalog.Digest, tiles.PerBlock(block, p.Panel.Periods))
			if p.appended != nil {
				copy(out[c][b], p.appended.tiles[c][b])
			}
		}
	}
	return out
}

// oldPrints are those of the version that is continued; nil where there is none.
func (p *Prepared) oldPrints() *cellPrints {
	if p.appended == nil {
		return nil
	}
	return p.appended.prints
}

// Readings is how many cells hold one.
func (p *Prepared) Readings() int {
	n := 0
	for m := range p.Panel.Columns {
		n += p.Presence.Count(m)
	}
	return n
}

// RegistryIDs returns the entities of a registry in its order.
func (c *Client) RegistryIDs(ctx context.Context, id string) ([]string, error) {
	r, err := c.Registry(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read registry %s: %w", id, err)
	}
	rows, err := c.RegistryRows(ctx, id, r.Rows)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		if len(row) == 0 {
			return nil, fmt.Errorf("row %d of registry %s is empty", i, id)
		}
		ids[i] = row[0]
	}
	return ids, nil
}
