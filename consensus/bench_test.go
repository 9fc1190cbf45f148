//go:build unix

package consensus

import (
	"errors"
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

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/logbridge"
	"github.com/weirdata/weir/consensus/pairs"
)

// BenchmarkPropose measures entries of 1 KiB through three members on one machine, everything
// synced, and takes turns with raft alone: its log and its messages, and a state machine that does
// nothing. Where there is room the files are in memory (package memdisk), where a sync costs nothing:
// what is compared is the processor's time. WEIR_DISK=DIR has them on DIR's disk.
func BenchmarkPropose(b *testing.B) {
	if dir := os.Getenv("WEIR_DISK"); dir != "" {
		b.Setenv("TMPDIR", dir)
	}
	entry := append([]byte("set key "), make([]byte, 1<<10)...)
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			c := startCluster(b, 3, steady)
			leader, plain := c.leader(), plainRaft(b)
			ledger := func() error { _, err := leader.Propose(b.Context(), entry); return err }
			alone := func() error { return plain.Apply(entry, 0).Error() }
			const turn = 256
			var took, tookAlone time.Duration
			entries := 0
			for b.Loop() {
				took += proposeAll(b, clients, turn, ledger)
				tookAlone += proposeAll(b, clients, turn, alone)
				entries += turn
			}
			b.ReportMetric(float64(entries)/took.Seconds(), "applies/s")
			b.ReportMetric(float64(entries)/tookAlone.Seconds(), "raft-applies/s")
			b.ReportMetric(took.Seconds()/tookAlone.Seconds(), "of-raft's-time")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// proposeAll has clients propose so many entries, and says how long it took.
func proposeAll(b *testing.B, clients, entries int, propose func() error) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			for next.Add(1) <= int64(entries) {
				if err := propose(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// idle is a state machine of raft's that does nothing.
type idle struct{ raft.FSM }

func (idle) Apply(*raft.Log) any { return nil }

func (idle) ApplyBatch(logs []*raft.Log) []any { return make([]any, len(logs)) }

// plainRaft starts three members of raft alone, and returns the leader.
func plainRaft(b *testing.B) *raft.Raft {
	b.Helper()
	c := newCluster(b, 3, steady)
	var servers []raft.Server
	for _, m := range c.members {
		servers = append(servers, raft.Server{ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Addr)})
	}
	var nodes []*raft.Raft
	for _, m := range c.members {
		o := c.options(m.ID)
		o.Transport = c.layer[m.ID]
		o, err := o.validate()
		if err != nil {
			b.Fatal(err)
		}
		d := &disk{opts: o, logger: discard}
		if d.wal, err = o.storage.openLog(); err != nil {
			b.Fatal(err)
		}
		trans := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: newStreams(o.Transport, o), MaxPool: peerPool, Timeout: peerTimeout, Logger: logbridge.New(discard, "raft-net"),
		})
		config := raftConfig(o, o.SnapshotThreshold)
		snaps := raft.NewDiscardSnapshotStore()
		if err := raft.BootstrapCluster(config, d.wal, d.wal, snaps, trans, raft.Configuration{Servers: servers}); err != nil {
			b.Fatal(err)
		}
		r, err := raft.NewRaft(config, idle{}, d.wal, d.wal, snaps, trans)
		if err != nil {
			b.Fatal(err)
		}
		nodes = append(nodes, r)
		b.Cleanup(func() {
			if err := errors.Join(trans.Close(), r.Shutdown().Error(), d.close()); err != nil {
				b.Error(err)
			}
		})
	}
	var leader *raft.Raft
	await(b, "a leader of raft alone", func() bool {
		for _, r := range nodes {
			if r.State() == raft.Leader {
				leader = r
			}
		}
		return leader != nil
	})
	return leader
}

// BenchmarkDigest measures what of applying entries of 1 KiB is the digest: the reading of what
// they replace, and the hashes.
func BenchmarkDigest(b *testing.B) {
	for _, size := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := openTestState(b, b.TempDir())
			value := string(make([]byte, 1<<10))
			var all, digest time.Duration
			for n := 0; b.Loop(); n++ {
				var commands []string
				for i := range size {
					commands = append(commands, fmt.Sprintf("set key%d %s", (n*size+i)%1000, value))
				}
				logs := entries(s, commands...)
				digest += timeDigest(b, s, logs)
				start := time.Now()
				if _, err := s.applyBatch(kv{}, logs); err != nil {
					b.Fatal(err)
				}
				all += time.Since(start)
			}
			b.ReportMetric(float64(digest.Microseconds())/float64(b.N*size), "µs/entry-of-digest")
			b.ReportMetric(float64(all.Microseconds())/float64(b.N*size), "µs/entry")
			b.ReportMetric(digest.Seconds()/all.Seconds(), "share")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// timeDigest goes through a batch as applyBatch does, commits nothing, and says how long the
// digest took.
func timeDigest(b *testing.B, s *appliedState, logs []*raft.Log) (took time.Duration) {
	b.Helper()
	g, err := s.acquire()
	if err != nil {
		b.Fatal(err)
	}
	defer g.release()
	batch := &batch{state: s, store: g.store, machine: kv{}, at: s.position(), digest: s.currentDigest()}
	batch.begin()
	defer batch.discard()
	for _, l := range logs {
		if _, err := batch.execute(l); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if err := batch.count(batch.stage.entry); err != nil {
			b.Fatal(err)
		}
		batch.digest.Note(batch.at.NextSeq + 1)
		took += time.Since(start)
		for _, c := range batch.stage.entry.Changes {
			batch.stage.batch.Put(c)
		}
		batch.stage.entry = pairs.NewLayer()
		batch.at = position{Applied: l.Index, NextSeq: batch.at.NextSeq + 1}
	}
	start := time.Now()
	_ = batch.digest.Encode()
	return took + time.Since(start)
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
	s, err := openState(stateIn(dir, true, discard), discard)
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
func longestApply(b *testing.B, s *appliedState, during func()) (longest time.Duration) {
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
		list, err := leader.disk.snaps.List()
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
