package tiles_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/tiles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// grid is a plain source.
type grid struct {
	entities, periods int
	cells             [][]int64
}

func (g grid) Size() (int, int, int) { return len(g.cells), g.entities, g.periods }

func (g grid) Read(measure, from int, into []int64) error {
	copy(into, g.cells[measure][from:from+len(into)])
	return nil
}

// openly "encrypts" by writing the values down.
type openly struct{ used atomic.Int32 }

func (o *openly) Encrypt(values []int64, dst []byte) error {
	if o.used.Add(1) != 1 {
		return errors.New("one encryptor used by two goroutines")
	}
	defer o.used.Add(-1)
	if len(dst) != 8*len(values) {
		return fmt.Errorf("%d bytes for %d values", len(dst), len(values))
	}
	for i, v := range values {
		binary.LittleEndian.PutUint64(dst[8*i:], uint64(v))
	}
	return nil
}

func options(values, workers int) tiles.PackOptions {
	return tiles.PackOptions{Values: values, TileBytes: 8 * values, Workers: workers,
		NewEncryptor: func() (tiles.Encryptor, error) { return new(openly), nil }}
}

// pack packs and returns the tiles by digest.
func pack(tb rapid.TB, g grid, blocks []catalog.Block, o tiles.PackOptions) ([][][]catalog.Digest, map[catalog.Digest][]byte) {
	tb.Helper()
	var mu sync.Mutex
	stored, emitted := map[catalog.Digest][]byte{}, 0
	places := map[[3]int]catalog.Digest{}
	digests, err := tiles.Pack(context.Background(), g, blocks, o, func(tile tiles.Tile) error {
		mu.Lock()
		defer mu.Unlock()
		stored[tile.Digest], places[[3]int{tile.Column, tile.Block, tile.K}] = tile.Bytes, tile.Digest
		emitted++
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	columns := len(g.cells)
	if o.Columns != nil {
		columns = len(o.Columns)
	}
	if want := columns * tiles.TileCount(blocks, g.periods); emitted != want || len(places) != want {
		tb.Fatalf("%d tiles emitted of %d places, want %d", emitted, len(places), want)
	}
	for at, d := range places {
		if digests[at[0]][at[1]][at[2]] != d {
			tb.Fatalf("tile %v has another digest in the result", at)
		}
	}
	return digests, stored
}

// unpack finds every cell by slotOf and compares it; slots without a cell are 0.
func unpack(tb rapid.TB, g grid, blocks []catalog.Block, values int, digests [][][]catalog.Digest, stored map[catalog.Digest][]byte) {
	tb.Helper()
	left := map[[4]int]int64{}
	for m := range digests {
		for b := range digests[m] {
			for k, d := range digests[m][b] {
				bytes := stored[d]
				if catalog.Sum(bytes) != d {
					tb.Fatalf("tile %d %d %d does not have its digest", m, b, k)
				}
				for s := range values {
					if v := int64(binary.LittleEndian.Uint64(bytes[8*s:])); v != 0 {
						left[[4]int{m, b, k, s}] = v
					}
				}
			}
		}
	}
	for m, cells := range g.cells {
		for b, block := range blocks {
			for e := block.First; e < block.First+block.Entities; e++ {
				for p := range g.periods {
					k, s := slotOf(block, e, p)
					if got := left[[4]int{m, b, k, s}]; got != cells[p*g.entities+e] {
						tb.Fatalf("measure %d entity %d period %d: %d, want %d", m, e, p, got, cells[p*g.entities+e])
					}
					delete(left, [4]int{m, b, k, s})
				}
			}
		}
	}
	if len(left) != 0 {
		tb.Fatalf("values in slots without a cell: %v", left)
	}
}

func TestPackedTilesHoldEveryCellAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := grid{entities: rapid.IntRange(1, 60).Draw(t, "entities"), periods: rapid.IntRange(1, 40).Draw(t, "periods")}
		for range rapid.IntRange(1, 3).Draw(t, "measures") {
			g.cells = append(g.cells, rapid.SliceOfN(rapid.Int64(), g.entities*g.periods, g.entities*g.periods).Draw(t, "cells"))
		}
		values := rapid.IntRange(1, 100).Draw(t, "values")
		blocks := tiles.Layout(values, g.entities, calendar.Hour)
		digests, stored := pack(t, g, blocks, options(values, rapid.IntRange(1, 4).Draw(t, "workers")))
		unpack(t, g, blocks, values, digests, stored)
	})
}

func TestPackedTilesOfRealSizes(t *testing.T) {
	for _, c := range []struct {
		entities, periods int
		grain             calendar.Grain
	}{{8190, 3, calendar.Year}, {8191, 2, calendar.Day}, {8192, 3, calendar.Month}, {25_137, 14, calendar.Month}, {12, 700, calendar.Hour}} {
		g := grid{entities: c.entities, periods: c.periods, cells: make([][]int64, 1)}
		for i := range c.entities * c.periods {
			v := int64(i+1) * 7919
			if i%11 == 0 {
				v = 0 // a gap
			}
			g.cells[0] = append(g.cells[0], v)
		}
		blocks := tiles.Layout(8191, c.entities, c.grain)
		digests, stored := pack(t, g, blocks, options(8191, 2))
		unpack(t, g, blocks, 8191, digests, stored)
	}
}

func TestPackReportsEveryTileOnce(t *testing.T) {
	g := grid{entities: 5, periods: 100, cells: [][]int64{make([]int64, 500), make([]int64, 500)}}
	o := options(10, 3)
	var reports []int
	o.Progress = func(done, total int) { // not locked: Pack promises one call at a time
		if total != 100 {
			t.Errorf("%d of %d", done, total)
		}
		reports = append(reports, done)
	}
	pack(t, g, tiles.Layout(10, 5, calendar.Day), o)
	for i, done := range reports {
		if done != i+1 {
			t.Fatalf("reports %v", reports)
		}
	}
	if len(reports) != 100 {
		t.Errorf("%d reports", len(reports))
	}
}

type failing struct{ err error }

func (f failing) Encrypt([]int64, []byte) error { return f.err }

func TestPackEndsWithTheFirstError(t *testing.T) {
	g := grid{entities: 5, periods: 1000, cells: [][]int64{make([]int64, 5000)}}
	blocks := tiles.Layout(10, 5, calendar.Day)
	broken := errors.New("broken")
	emit := func(tiles.Tile) error { return nil }

	var calls atomic.Int64
	if _, err := tiles.Pack(t.Context(), g, blocks, options(10, 4), func(tiles.Tile) error { calls.Add(1); return broken }); !errors.Is(err, broken) {
		t.Errorf("emit: %v", err)
	}
	if n := calls.Load(); n > 4 {
		t.Errorf("%d tiles emitted after an error by 4 workers", n)
	}
	o := options(10, 4)
	o.NewEncryptor = func() (tiles.Encryptor, error) { return failing{broken}, nil }
	if _, err := tiles.Pack(t.Context(), g, blocks, o, emit); !errors.Is(err, broken) {
		t.Errorf("encryptor: %v", err)
	}
	o.NewEncryptor = func() (tiles.Encryptor, error) { return nil, broken }
	if _, err := tiles.Pack(t.Context(), g, blocks, o, emit); !errors.Is(err, broken) {
		t.Errorf("making an encryptor: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := tiles.Pack(ctx, g, blocks, options(10, 2), func(tiles.Tile) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := tiles.Pack(t.Context(), g, blocks[:0], options(10, 2), emit); !errors.Is(err, tiles.ErrLayout) {
		t.Errorf("no blocks: %v", err)
	}
	if _, err := tiles.Pack(t.Context(), g, blocks, tiles.PackOptions{Values: 10}, emit); err == nil {
		t.Error("packed without an encryptor")
	}
}
