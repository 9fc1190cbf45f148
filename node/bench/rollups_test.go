package bench

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/rollup"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/failure"
)

// twoCores are as many as ask: summing asks for two.
type twoCores struct{}

func (twoCores) Enter(context.Context) (func(), error) { return func() {}, nil }

// history is hourly readings of 6,200 entities over years, 54 million each: one tile an hour. The tiles of
// each year are those of the first from another hour on, so that ten years are ten times the tiles to add up, of
// other sums, and 3.4 GB on the disk. They lie there as a publisher sends them, by time: tiles of a month in any order are
// read three times as slowly.
type history struct {
	p      he.Parameters
	store  *tiles.Store
	log    *slog.Logger
	tiles  rollup.Tiles
	starts []int // of months, and the end
}

const historyYears = 10

func newHistory(b *testing.B) *history {
	b.Helper()
	h := &history{
		p: must[he.Parameters](b)(he.NewParameters(he.DataParameters(3, 2))), log: slog.New(slog.DiscardHandler),
		store: must[*tiles.Store](b)(tiles.Open(b.TempDir(), tiles.StoreOptions{})),
	}
	b.Cleanup(func() { check(b, h.store.Close()) })
	_, first, err := calendar.Parse("2011-01-01T00")
	check(b, err)
	h.tiles = rollup.Tiles{Manifest: catalog.Digest{1}, Grain: calendar.Hour, First: first, Periods: 1}
	year := make([]catalog.Digest, 8784)
	tile := uniformTiles(h.p, 1)[0]
	for i := range year {
		binary.LittleEndian.PutUint64(tile[16:], uint64(i)) //nolint:gosec // small
		year[i] = catalog.Sum(tile)
		check(b, h.store.Put(b.Context(), year[i], tile))
	}
	check(b, h.store.Sync(b.Context()))
	check(b, h.store.Verify(b.Context(), year...))
	for y := range historyYears {
		from := calendar.Year.Span(int64(2011-1970+y), calendar.Hour)
		turned := slices.Concat(year[37*y:], year[:37*y])
		h.tiles.All = append(h.tiles.All, turned[:from.To-from.From]...)
		for m := range 12 {
			h.starts = append(h.starts, int(calendar.Month.Span(int64((2011-1970+y)*12+m), calendar.Hour).From-first))
		}
	}
	h.starts = append(h.starts, len(h.tiles.All))
	return h
}

// blobs is a node's store with the rollups of a directory.
func (h *history) blobs(dir string) *blobs.Store {
	return blobs.New(blobs.Options{
		Disk: h.store, Cores: twoCores{}, Workers: 2, Logger: h.log, Wake: func() {},
		Rollups: blobs.OpenRollups(dir, blobs.RollupOptions{Logger: h.log}),
	})
}

// within are the tiles from ≤ k < to.
func (h *history) within(from, to int) rollup.Tiles {
	t := h.tiles
	for k := from; k < to; k++ {
		t.Numbers = append(t.Numbers, k)
	}
	return t
}

// months are the sums of a query by county and month, from one month to another.
func (h *history) months(from, to int) (sums []rollup.Tiles) {
	for m := from; m < to; m++ {
		sums = append(sums, h.within(h.starts[m], h.starts[m+1]))
	}
	return sums
}

// BenchmarkHistory adds up what queries over 54 million hourly readings ask, and over ten times as many: by county and month,
// and by county alone. Cold is the first time, with the rollups to make; scan is without any. What it times is a member's part between
// the plan and the exchange of digests.
func BenchmarkHistory(b *testing.B) {
	if !longrun.Wanted() {
		b.Skip("takes a minute and 5 GB of disk: WEIR_LONG=1 runs it")
	}
	h := newHistory(b)
	none := h.blobs("")
	none.Rollups = nil
	for _, c := range []struct {
		name string
		sums []rollup.Tiles
	}{
		{"year by month", h.months(0, 12)},
		{"year", []rollup.Tiles{h.within(0, h.starts[12])}},
		{"ten years by month", h.months(0, 120)},
		{"ten years", []rollup.Tiles{h.within(0, h.starts[120])}},
		{"the last of ten years by month", h.months(108, 120)},
		{"any range of nine years", []rollup.Tiles{h.within(1777, len(h.tiles.All)-2345)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			pass := func(s *blobs.Store) time.Duration {
				start := time.Now()
				check(b, failure.Each(b.Context(), 2, len(c.sums), func(ctx context.Context, i int) error {
					acc := he.NewAccumulator(h.p)
					if err := s.Sum(ctx, c.sums[i], acc, func(int) {}); err != nil {
						return err
					}
					_, err := acc.Digest()
					return err
				}))
				return time.Since(start)
			}
			scan, cold, warm := time.Hour, time.Hour, time.Hour
			for b.Loop() {
				dir := filepath.Join(b.TempDir(), "rollups")
				scan = min(scan, pass(none))
				cold = min(cold, pass(h.blobs(dir)))
				s := h.blobs(dir) // after a start
				for range 3 {
					warm = min(warm, pass(s))
				}
				check(b, os.RemoveAll(dir))
			}
			b.ReportMetric(scan.Seconds()*1e3, "scan-ms")
			b.ReportMetric(cold.Seconds()*1e3, "cold-ms")
			b.ReportMetric(warm.Seconds()*1e3, "warm-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
