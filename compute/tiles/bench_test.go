package tiles_test

import (
	"context"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/tiles"
)

// A real tile's size, about, and how many values it holds.
const (
	tileBytes  = 393_241
	tileValues = 8191
)

func benchmarkRead(b *testing.B, reopen bool, read func(s *tiles.Store, digests []catalog.Digest) error) {
	const n = 400
	dir := b.TempDir()
	s := open(b, dir, tiles.StoreOptions{})
	digests, _ := fill(b, s, n, tileBytes)
	if err := read(s, digests); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		if reopen {
			b.StopTimer()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			s = open(b, dir, tiles.StoreOptions{})
			b.StartTimer()
		}
		if err := read(s, digests); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(n * tileBytes)
	b.ReportMetric(float64(b.N)*n*tileValues/b.Elapsed().Seconds(), "values/s")
}

func accumulate(s *tiles.Store, digests []catalog.Digest) error {
	return s.Accumulate(context.Background(), digests, func(...[]byte) error { return nil })
}

// BenchmarkAccumulateAgain is what a query pays the store for tiles that were
// read before: finding where they lie.
func BenchmarkAccumulateAgain(b *testing.B) { benchmarkRead(b, false, accumulate) }

// BenchmarkAccumulateFirst compares the SHA-256 as well.
func BenchmarkAccumulateFirst(b *testing.B) { benchmarkRead(b, true, accumulate) }

func BenchmarkGet(b *testing.B) {
	benchmarkRead(b, false, func(s *tiles.Store, digests []catalog.Digest) error {
		for _, d := range digests {
			if _, err := s.Get(context.Background(), d); err != nil {
				return err
			}
		}
		return nil
	})
}

func BenchmarkPut(b *testing.B) {
	const n = 200
	blobs := make([][]byte, n)
	digests := make([]catalog.Digest, n)
	for i := range blobs {
		blobs[i] = random(uint64(i), tileBytes)
		digests[i] = catalog.Sum(blobs[i])
	}
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		s := open(b, b.TempDir(), tiles.StoreOptions{})
		b.StartTimer()
		for i := range blobs {
			if err := s.Put(context.Background(), digests[i], blobs[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Sync(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.SetBytes(n * tileBytes)
	b.ReportMetric(float64(b.N)*n*tileValues/b.Elapsed().Seconds(), "values/s")
}

// BenchmarkPack is packing without encrypting: the copy, and the SHA-256.
func BenchmarkPack(b *testing.B) {
	g := grid{entities: 25_137, periods: 24, cells: [][]int64{make([]int64, 25_137*24)}}
	for i := range g.cells[0] {
		g.cells[0][i] = int64(i)
	}
	blocks := tiles.Layout(8191, g.entities, calendar.Month)
	o := options(8191, 2)
	for b.Loop() {
		if _, err := tiles.Pack(context.Background(), g, blocks, o, func(tiles.Tile) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(25_137 * 24 * 8)
	b.ReportMetric(float64(b.N)*25_137*24/b.Elapsed().Seconds(), "values/s")
}
