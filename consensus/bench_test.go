//go:build unix

package consensus

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkPropose measures entries of 1 KiB through three members on one
// machine and one disk, everything synced.
func BenchmarkPropose(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			c := startCluster(b, 3, func(o *Options) {
				o.HeartbeatTimeout, o.ElectionTimeout, o.LeaderLeaseTimeout = 0, 0, 0
			})
			leader := c.leader()
			entry := append([]byte("set key "), make([]byte, 1<<10)...)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range clients {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						if _, err := leader.Propose(b.Context(), entry); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "applies/s")
		})
	}
}

// BenchmarkReadIndex measures linearizable reads on the leader.
func BenchmarkReadIndex(b *testing.B) {
	c := startCluster(b, 3, nil)
	c.propose("set a 1")
	leader := c.leader()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			index, err := leader.ReadIndex(b.Context())
			if err == nil {
				err = leader.WaitApplied(b.Context(), index)
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}

// BenchmarkGrowth measures what an entry of 1 KiB that changes nothing leaves on
// the disk of a node for good: its record and its hashes. The log is apart.
func BenchmarkGrowth(b *testing.B) {
	dir := b.TempDir()
	s, err := openState(dir, true, discard)
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		commands := make([]string, 64)
		for i := range commands {
			n++
			commands[i] = "note " + string(incompressible(n)[5:])
		}
		if _, err := s.applyBatch(kv{}, entries(s, commands...)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "applies/s")
	// Memtables, whose files are reserved in full, go to tables.
	if err := s.close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(diskBytes(b, dir))/float64(n), "disk_bytes/entry")
	b.ReportMetric(float64(n), "entries")
}

func incompressible(seed int) []byte {
	out := make([]byte, 1<<10)
	x := uint64(seed)*2654435761 + 1
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = byte(x)
	}
	return out
}

// diskBytes counts blocks, not lengths: badger's files have holes.
func diskBytes(tb testing.TB, dir string) int64 {
	tb.Helper()
	var total int64
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() {
			total += st.Blocks * 512
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return total
}

// BenchmarkSnapshot writes the snapshot of a state while entries are applied:
// bytes a second, what it adds to the heap, and how long the longest of the
// entries took, with and without it.
func BenchmarkSnapshot(b *testing.B) {
	for _, mb := range []int{64, 512} {
		b.Run(fmt.Sprintf("%dMB", mb), func(b *testing.B) {
			s := openTestState(b, b.TempDir())
			restoreSynthetic(b, s, mb<<20)
			alone := longestApply(b, s, runtime.Gosched)
			var longest time.Duration
			for b.Loop() {
				longest = max(longest, longestApply(b, s, func() { snapshotTo(b, io.Discard, s) }))
			}
			b.SetBytes(int64(mb) << 20)
			heap := peakHeap(func() { snapshotTo(b, io.Discard, s) }) // which slows everything
			b.ReportMetric(float64(heap)/1e6, "heap-MB")
			b.ReportMetric(float64(longest.Microseconds())/1000, "longest-apply-ms")
			b.ReportMetric(float64(alone.Microseconds())/1000, "alone-ms")
		})
	}
}

// longestApply applies entries while during runs, 20 at least.
func longestApply(b *testing.B, s *state, during func()) (longest time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		during()
	}()
	for i := 0; ; i++ {
		start := time.Now()
		apply(b, s, kv{}, fmt.Sprintf("set k %d", i))
		longest = max(longest, time.Since(start))
		select {
		case <-done:
			if i >= 20 {
				return longest
			}
		default:
		}
	}
}

// BenchmarkRestore restores a snapshot: bytes a second, and what it adds to the
// heap.
func BenchmarkRestore(b *testing.B) {
	for _, mb := range []int{64, 512} {
		b.Run(fmt.Sprintf("%dMB", mb), func(b *testing.B) {
			to := openTestState(b, b.TempDir())
			var heap int64
			for b.Loop() {
				heap = peakHeap(func() { restoreSynthetic(b, to, mb<<20) })
			}
			b.SetBytes(int64(mb) << 20)
			b.ReportMetric(float64(heap)/1e6, "heap-MB")
		})
	}
}

// BenchmarkCatchUp is a member that comes back when the log no longer has what it
// lacks, with the timeouts of a node: how long it takes for a state of 240 MB
// and more every time, and
// the longest that a proposal took meanwhile. The leader must stay.
func BenchmarkCatchUp(b *testing.B) {
	c := startCluster(b, 3, func(o *Options) {
		smallLog(o)
		o.HeartbeatTimeout, o.ElectionTimeout, o.LeaderLeaseTimeout, o.CommitTimeout = 0, 0, 0, 0
	})
	const entries = 40 // of 6 MB
	var catchUp, longest time.Duration
	var moved int64
	for range b.N {
		leader := c.leader()
		late := "n1"
		if leader.opts.ID == late {
			late = "n2"
		}
		c.stop(late)
		for range entries {
			c.propose("big")
		}
		if err := leader.Snapshot(b.Context()); err != nil {
			b.Fatal(err)
		}
		list, err := leader.snaps.List()
		if err != nil || len(list) == 0 {
			b.Fatalf("%d snapshots, %v", len(list), err)
		}
		moved += list[0].Size
		term, start := leader.Term(), time.Now()
		index := c.propose("set a 1").Index
		l := c.start(late)
		for l.AppliedIndex() < index {
			at := time.Now()
			if _, err := leader.Propose(b.Context(), []byte("set b 2")); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(at))
		}
		catchUp += time.Since(start)
		if leader.Term() != term {
			b.Errorf("the term went from %d to %d", term, leader.Term())
		}
	}
	b.ReportMetric(float64(moved)/1e6/float64(b.N), "MB")
	b.ReportMetric(float64(moved)/1e6/catchUp.Seconds(), "MB/s")
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-proposal-ms")
	b.ReportMetric(0, "ns/op")
}
