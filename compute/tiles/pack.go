package tiles

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
)

// Source is the panel that is packed.
type Source interface {
	// Size returns the numbers of measures, entities and periods.
	Size() (measures, entities, periods int)
	// Read copies the encoded integers of a measure from a cell on into a slice,
	// which it fills: 0 where a cell is missing; cell (entity, period) is number
	// period·entities + entity. It is called by several goroutines at once.
	Read(measure, from int, into []int64) error
}

// Encryptor encrypts one tile's cells into dst, which has the length of a
// tile. len(values) is the number of cells of a tile; the encryptor adds the
// parity. One encryptor is used by one goroutine.
type Encryptor interface {
	Encrypt(values []int64, dst []byte) error
}

// PackOptions are the numbers of the cluster's parameters and the workers'
// means.
type PackOptions struct {
	Values       int                       // slots of a tile that hold cells
	TileBytes    int                       // of one encrypted tile
	Workers      int                       // at least one
	NewEncryptor func() (Encryptor, error) // called once a worker, before any tile is packed
	Columns      []Derived                 // to pack; nil: the source's measures
	Progress     func(done, total int)     // tiles; nil: none. Called by one goroutine at a time
	// Have are digests of tiles that exist already, in the order of Manifest.Tiles;
	// nil: none. Where one is not zero the tile is not packed.
	Have [][][]catalog.Digest
}

// Tile is one encrypted tile: where it stands in the manifest, and its bytes,
// which belong to the receiver.
type Tile struct {
	Column, Block, K int // the column: of PackOptions.Columns, or the measure
	Digest           catalog.Digest
	Bytes            []byte
}

// Pack encrypts all tiles of the source by the blocks, which cover its
// entities (Layout), and returns their digests in the order of Manifest.Tiles.
//
// emit is called once a tile, by up to Workers goroutines at once and in no
// particular order; the first error, from emit or from an encryptor, or the
// end of ctx stops everything and is returned when all workers have ended.
func Pack(ctx context.Context, src Source, blocks []catalog.Block, o PackOptions, emit func(Tile) error) ([][][]catalog.Digest, error) {
	measures, entities, periods := src.Size()
	if o.Workers < 1 || o.TileBytes <= 0 || o.NewEncryptor == nil {
		return nil, errors.New("pack tiles: workers, tile bytes and encryptors must be given")
	}
	if err := CheckBlocks(blocks, o.Values, entities, periods); err != nil {
		return nil, fmt.Errorf("pack tiles: %w", err)
	}
	columns := o.Columns
	if columns == nil {
		for m := range measures {
			columns = append(columns, Derived{measure: m})
		}
	}
	for i, c := range columns {
		if c.measure >= measures {
			return nil, fmt.Errorf("pack tiles: column %d is of measure %d of %d", i, c.measure, measures)
		}
	}
	jobs, digests, err := packJobs(len(columns), blocks, periods, o.Have)
	if err != nil {
		return nil, fmt.Errorf("pack tiles: %w", err)
	}
	p := &packing{src: src, columns: columns, blocks: blocks, entities: entities, periods: periods, o: o, jobs: jobs, digests: digests, emit: emit}
	encryptors := make([]Encryptor, min(o.Workers, len(jobs)))
	for i := range encryptors {
		var err error
		if encryptors[i], err = o.NewEncryptor(); err != nil {
			return nil, fmt.Errorf("pack tiles: make an encryptor: %w", err)
		}
	}
	workers, ctx := errgroup.WithContext(ctx)
	for _, enc := range encryptors {
		workers.Go(func() error { return p.work(ctx, enc) })
	}
	if err := workers.Wait(); err != nil {
		return nil, fmt.Errorf("pack tiles: %w", err)
	}
	return digests, nil
}

type packJob struct{ column, block, k int }

type packing struct {
	src               Source
	columns           []Derived
	blocks            []catalog.Block
	entities, periods int
	o                 PackOptions
	jobs              []packJob
	digests           [][][]catalog.Digest // each element written by the one worker that has its job
	emit              func(Tile) error
	next              atomic.Int64
	progress          sync.Mutex // guards done
	done              int
}

// packJobs lists the tiles to pack, and the digests of those that are there.
func packJobs(columns int, blocks []catalog.Block, periods int, have [][][]catalog.Digest) ([]packJob, [][][]catalog.Digest, error) {
	jobs := make([]packJob, 0, columns*TileCount(blocks, periods))
	digests := make([][][]catalog.Digest, columns)
	if have != nil && len(have) != columns {
		return nil, nil, fmt.Errorf("%w: tiles of %d of %d columns exist", ErrLayout, len(have), columns)
	}
	for m := range digests {
		digests[m] = make([][]catalog.Digest, len(blocks))
		if have != nil && len(have[m]) != len(blocks) {
			return nil, nil, fmt.Errorf("%w: tiles of %d of %d blocks exist", ErrLayout, len(have[m]), len(blocks))
		}
		for b, block := range blocks {
			digests[m][b] = make([]catalog.Digest, PerBlock(block, periods))
			if have != nil && copy(digests[m][b], have[m][b]) < len(have[m][b]) {
				return nil, nil, fmt.Errorf("%w: %d tiles of block %d exist, it has %d", ErrLayout, len(have[m][b]), b, len(digests[m][b]))
			}
			for k := range digests[m][b] {
				if digests[m][b][k].IsZero() {
					jobs = append(jobs, packJob{m, b, k})
				}
			}
		}
	}
	return jobs, digests, nil
}

func (p *packing) work(ctx context.Context, enc Encryptor) error {
	values := make([]int64, p.o.Values)
	defer clear(values) // plaintext
	for ctx.Err() == nil {
		i := int(p.next.Add(1)) - 1
		if i >= len(p.jobs) {
			return nil
		}
		j := p.jobs[i]
		if err := p.fill(j, values); err != nil {
			return fmt.Errorf("read tile %d of block %d of column %d: %w", j.k, j.block, j.column, err)
		}
		b := make([]byte, p.o.TileBytes)
		if err := enc.Encrypt(values, b); err != nil {
			return fmt.Errorf("encrypt tile %d of block %d of column %d: %w", j.k, j.block, j.column, err)
		}
		d := catalog.Sum(b)
		p.digests[j.column][j.block][j.k] = d
		if err := p.emit(Tile{Column: j.column, Block: j.block, K: j.k, Digest: d, Bytes: b}); err != nil {
			return err
		}
		p.report()
	}
	return context.Cause(ctx)
}

// fill copies a tile's cells: whole runs of entities, period by period.
func (p *packing) fill(j packJob, values []int64) error {
	column, b := p.columns[j.column], p.blocks[j.block]
	from, to := TilePeriods(b, j.k, p.periods)
	n := 0
	if b.Entities == p.entities { // all its periods in one run
		n = (to - from) * b.Entities
		if err := p.src.Read(column.measure, from*p.entities, values[:n]); err != nil {
			return err
		}
		column.of(values[:n], from*p.entities)
		from = to
	}
	for period := from; period < to; period++ {
		row := period*p.entities + b.First
		part := values[n : n+b.Entities]
		if err := p.src.Read(column.measure, row, part); err != nil {
			return err
		}
		column.of(part, row)
		n += len(part)
	}
	clear(values[n:])
	return nil
}

func (p *packing) report() {
	if p.o.Progress == nil {
		return
	}
	p.progress.Lock()
	defer p.progress.Unlock()
	p.done++
	p.o.Progress(p.done, len(p.jobs))
}
