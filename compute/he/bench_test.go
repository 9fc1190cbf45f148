package he

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// sumWords is the yardstick: a plain sum over the same bytes.
func sumWords(b []byte) uint64 {
	var s0, s1, s2, s3 uint64
	for len(b) >= 32 {
		w := (*[32]byte)(b)
		s0 += binary.LittleEndian.Uint64(w[0:8])
		s1 += binary.LittleEndian.Uint64(w[8:16])
		s2 += binary.LittleEndian.Uint64(w[16:24])
		s3 += binary.LittleEndian.Uint64(w[24:32])
		b = b[32:]
	}
	return s0 + s1 + s2 + s3
}

// randomTiles returns tiles with uniform coefficients: to add, all tiles are
// alike.
func randomTiles(p Parameters, n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	tiles := make([][]byte, n)
	for i := range tiles {
		b := make([]byte, p.TileBytes())
		p.in.putHeader(b, kindTile, 1, 0, [contextSize]byte{})
		for at := headerBytes; at < len(b); at += 8 {
			binary.LittleEndian.PutUint64(b[at:], rng.Uint64N(1<<60-1<<19))
		}
		tiles[i] = b
	}
	return tiles
}

func BenchmarkAccumulate(b *testing.B) {
	p := full(b, 3, 2)
	tiles := randomTiles(p, 2048)
	bytes := float64(len(tiles) * p.TileBytes())
	acc := NewAccumulator(p)
	var sum, add time.Duration
	var sink uint64
	for b.Loop() {
		start := time.Now()
		for _, t := range tiles {
			sink += sumWords(t)
		}
		mid := time.Now()
		acc.count = 0
		if err := acc.Add(tiles...); err != nil {
			b.Fatal(err)
		}
		sum += mid.Sub(start)
		add += time.Since(mid)
	}
	_ = sink
	n := float64(b.N)
	b.ReportMetric(bytes*n/sum.Seconds()/1e9, "sum-GB/s")
	b.ReportMetric(bytes*n/add.Seconds()/1e9, "acc-GB/s")
	b.ReportMetric(float64(len(tiles)*p.Values())*n/add.Seconds()/1e6, "Mvalues/s")
	b.ReportMetric(sum.Seconds()/add.Seconds(), "of-sum")
	b.ReportMetric(0, "ns/op")
}
