package node

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirdata/weir/node/client/ask"
)

// BenchmarkCluster asks fresh exact queries of a small public dataset of three nodes in this process, where so many
// clients ask at the same time. Reported are queries a second and the processor time of a query, of nodes and clients.
func BenchmarkCluster(b *testing.B) {
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			ctx := b.Context()
			x := newFirmsOf(ctx, b, 3, 2, publicFirms, nil)
			var next atomic.Int64
			var wg sync.WaitGroup
			before := processorSeconds(b)
			b.ResetTimer()
			for range clients {
				wg.Go(func() {
					for {
						n := next.Add(1)
						if n > int64(b.N) {
							return
						}
						if _, err := ask.Query(ctx, x.buyer, "SELECT SUM(co2), COUNT(co2) FROM firms WHERE firm IN ("+subset(n)+")", ask.Options{}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
			b.ReportMetric(1000*(processorSeconds(b)-before)/float64(b.N), "cpu-ms/query")
		})
	}
}

// BenchmarkCheckedAnswer asks fresh exact queries of one client, plain and checked: of a checked answer of t+1 nodes 3
// sets open, of t+2 nodes 6 (PROTOCOL.md section 3.7).
func BenchmarkCheckedAnswer(b *testing.B) {
	for _, nodes := range []int{3, 4} {
		b.Run(fmt.Sprintf("2-of-%d", nodes), func(b *testing.B) {
			x := newFirmsOf(b.Context(), b, nodes, 2, publicFirms, nil)
			next := int64(0)
			for _, verify := range []bool{false, true} {
				b.Run(fmt.Sprintf("verify=%t", verify), func(b *testing.B) {
					before := processorSeconds(b)
					b.ResetTimer()
					for range b.N {
						next++
						if _, err := ask.Query(b.Context(), x.buyer, "SELECT SUM(co2), COUNT(co2) FROM firms WHERE firm IN ("+subset(next)+")", ask.Options{Verify: verify}); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
					b.ReportMetric(1000*(processorSeconds(b)-before)/float64(b.N), "cpu-ms/query")
				})
			}
		})
	}
}

// subset names firms, others for every n: those of its bits.
func subset(n int64) string {
	var ids []string
	for f := range firmCount {
		if f >= 20 || n>>f&1 == 1 {
			ids = append(ids, "'"+firmID(f)+"'")
		}
	}
	return strings.Join(ids, ", ")
}

// processorSeconds is what this process has used so far.
func processorSeconds(tb testing.TB) float64 {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
