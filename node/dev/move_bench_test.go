package dev

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/vector"
)

// moved is how many vectors BenchmarkMoves moves.
const moved = 50

// BenchmarkMoves has fifty selectors over 25,000 entities shared anew by three processes, and
// waits until the old shares are erased.
func BenchmarkMoves(b *testing.B) {
	ctx := testContext(b)
	c := start(ctx, b, b.TempDir())
	bureau, buyer, operator := connect(b, c, Bureau), connect(b, c, Buyer), connect(b, c, Operator)
	reg, _ := publishPlants(ctx, b, bureau, plants)
	r := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a benchmark's portfolios
	for i := range moved {
		values := make([]uint64, plants)
		for e := range values {
			values[e] = uint64(r.IntN(2)) //nolint:gosec // small
		}
		if _, err := vector.Register(ctx, buyer, vector.Plan{Name: fmt.Sprintf("v%d", i), Registry: reg, Values: values, Bits: 1, Pieces: 1}, nil); err != nil {
			b.Fatal(err)
		}
	}
	before := map[string]uint64{}
	for b.Loop() {
		if err := operator.RefreshVectors(ctx); err != nil {
			b.Fatal(err)
		}
		for left := moved; left > 0; {
			if err := client.Pause(ctx, 50*time.Millisecond); err != nil {
				b.Fatal(err)
			}
			list, err := client.Vectors.All(ctx, buyer)
			if err != nil {
				b.Fatal(err)
			}
			left = moved
			for _, v := range list {
				if v.Moving == 0 && v.InForce().Move > before[v.ID] {
					left--
				}
			}
			if left == 0 {
				for _, v := range list {
					before[v.ID] = v.InForce().Move
				}
			}
		}
	}
	b.ReportMetric(moved*float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
	b.ReportMetric(0, "ns/op")
}
