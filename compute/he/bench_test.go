package he

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

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

// BenchmarkAccumulate takes turns with a plain sum over the same bytes, and with tiles that are packed.
func BenchmarkAccumulate(b *testing.B) {
	p := full(b, 3, 2)
	tiles := randomTiles(p, 4096) // 1.6 GB
	packed := make([][]byte, len(tiles))
	for i := range tiles {
		packed[i] = p.in.pack(tiles[i])
	}
	acc := NewAccumulator(p)
	var add, addPacked fastest
	sum := fastest(time.Hour)
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
		add.note(mid)
		sum = min(sum, fastest(mid.Sub(start)))
		start = time.Now()
		acc.count = 0
		if err := acc.Add(packed...); err != nil {
			b.Fatal(err)
		}
		addPacked.note(start)
	}
	_ = sink
	bytes := len(tiles) * p.TileBytes()
	b.ReportMetric(sum.rate(bytes)/1e9, "sum-GB/s")
	b.ReportMetric(add.rate(bytes)/1e9, "acc-GB/s")
	b.ReportMetric(add.rate(len(tiles)*p.Values())/1e6, "Mvalues/s")
	b.ReportMetric(addPacked.rate(len(tiles)*p.Values())/1e6, "packed-Mvalues/s")
	b.ReportMetric(add.rate(1)/sum.rate(1), "of-sum")
	b.ReportMetric(addPacked.rate(1)/add.rate(1), "packed-of-plain")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkEncrypt(b *testing.B) {
	c := newCluster(b, full(b, 3, 2))
	e := must[*Encryptor](b)(NewEncryptor(c.p, c.publicKey))
	values := readings(rand.New(rand.NewPCG(1, 2)), c.p.Values(), 40)
	for _, workers := range []int{1, 2} {
		b.Run(map[int]string{1: "one", 2: "two"}[workers], func(b *testing.B) {
			var group sync.WaitGroup
			start := time.Now()
			for range workers {
				group.Go(func() {
					e, tile := e.ShallowCopy(), make([]byte, c.p.PackedTileBytes())
					for range b.N {
						if err := e.Encrypt(values, tile); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(workers*b.N*len(values))/time.Since(start).Seconds()/1e6, "Mvalues/s")
			b.ReportMetric(float64(c.p.PackedTileBytes())/float64(len(values)), "B/value")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, roster := range [][2]int{{3, 2}, {4, 3}, {5, 3}} {
		c := newCluster(b, full(b, roster[0], roster[1]))
		acc := c.accumulate(b, c.encrypt(b, []int64{1, 2, 3})...)
		active := everyPoint(roster[1])
		o := c.opening(b, acc, active, 1)
		ds, _ := c.contributions(b, o, acc)
		name := fmt.Sprintf("%d-of-%d", roster[1], roster[0])
		b.Run("share/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := c.keys[2].Contribute(o, acc); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1e3, "ms")
			b.ReportMetric(float64(b.N*c.p.Values())/b.Elapsed().Seconds(), "values/s")
			b.ReportMetric(float64(len(ds[2])), "sent-B")
		})
		b.Run("root/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.keys[1].Combine(o, acc, ds); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1e3, "ms")
			b.ReportMetric(float64(b.N*c.p.Values())/b.Elapsed().Seconds(), "values/s")
			b.ReportMetric(float64(len(ds)*len(ds[2])), "received-B")
		})
	}
}

func BenchmarkCheckTile(b *testing.B) {
	p := full(b, 3, 2)
	tile := randomTiles(p, 1)[0]
	b.SetBytes(int64(len(tile)))
	for b.Loop() {
		if err := p.CheckTile(tile); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	p := full(b, 3, 2)
	slots, slotMap, groups := make([]uint64, p.Slots()), make([]int32, p.Slots()), make([]uint64, 300)
	for i := range slots {
		slots[i], slotMap[i] = uint64(i), int32(i%300)
	}
	slotMap[p.Slots()-1] = -1
	b.SetBytes(int64(8 * len(slots)))
	for b.Loop() {
		if _, err := p.Fold(slots, slotMap, groups); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*p.Values())/b.Elapsed().Seconds(), "values/s")
}

func BenchmarkCeremony(b *testing.B) {
	p := full(b, 3, 2)
	for b.Loop() {
		newCluster(b, p)
	}
}
