package bench

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
)

// uniformTiles are tiles of uniform coefficients: to add, all tiles are alike.
func uniformTiles(p he.Parameters, n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a benchmark's
	list := make([][]byte, n)
	for i := range list {
		b := make([]byte, p.PackedTileBytes())
		copy(b, []byte{'w', 'e', 'i', 'r', 8, 1, 13, 3, 1})
		for at := 16; at < len(b); at += 15 {
			high, x1 := bits.Mul64(rng.Uint64N(1<<60-1<<19), 1<<60)
			binary.LittleEndian.PutUint64(b[at:], x1|rng.Uint64N(1<<60-1<<19))
			for i := range 7 {
				b[at+8+i] = byte(high >> (8 * i))
			}
		}
		list[i] = b
	}
	return list
}

// BenchmarkScan adds up tiles from the store, verified before, and in turns the same bytes from memory, on one core and on two. Rates are
// the best of all passes.
func BenchmarkScan(b *testing.B) {
	const n = 1000
	p := must[he.Parameters](b)(he.NewParameters(he.DataParameters(3, 2)))
	list := uniformTiles(p, n)
	store := must[*tiles.Store](b)(tiles.Open(b.TempDir(), tiles.StoreOptions{}))
	b.Cleanup(func() { check(b, store.Close()) })
	digests := make([]catalog.Digest, n)
	for i, tile := range list {
		digests[i] = catalog.Sum(tile)
		check(b, store.Put(b.Context(), digests[i], tile))
	}
	check(b, store.Verify(b.Context(), digests...))
	for _, workers := range []int{1, 2} {
		b.Run(map[int]string{1: "one", 2: "two"}[workers], func(b *testing.B) {
			pass := func(add func(from, to int, acc *he.Accumulator) error) time.Duration {
				start := time.Now()
				var group sync.WaitGroup
				for w := range workers {
					group.Go(func() {
						if err := add(w*n/workers, (w+1)*n/workers, he.NewAccumulator(p)); err != nil {
							b.Error(err)
						}
					})
				}
				group.Wait()
				return time.Since(start)
			}
			memory, disk := time.Hour, time.Hour
			for b.Loop() {
				memory = min(memory, pass(func(from, to int, acc *he.Accumulator) error { return acc.Add(list[from:to]...) }))
				disk = min(disk, pass(func(from, to int, acc *he.Accumulator) error {
					return store.Accumulate(b.Context(), digests[from:to], acc.Add)
				}))
			}
			bytes := float64(n * p.PackedTileBytes())
			b.ReportMetric(bytes/memory.Seconds()/1e9, "memory-GB/s")
			b.ReportMetric(bytes/disk.Seconds()/1e9, "store-GB/s")
			b.ReportMetric(memory.Seconds()/disk.Seconds(), "of-memory")
			b.ReportMetric(0, "ns/op")
		})
	}
}
