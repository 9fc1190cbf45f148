package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/records"
)

// kv is a state machine of registers: "set k v", "get k", "fail", and others
// that tests need. Its outcome is the value that was there before.
type kv struct {
	fail func(seq uint64, entry []byte) error // a storage fault, or nil
}

func (m kv) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	if m.fail != nil {
		if err := m.fail(seq, entry); err != nil {
			return nil, err
		}
	}
	op, rest, _ := bytes.Cut(entry, []byte(" "))
	switch string(op) {
	case "set":
		k, v, _ := bytes.Cut(rest, []byte(" "))
		old, err := tx.Get(k)
		if err != nil {
			return nil, err
		}
		return append([]byte("was "), old...), tx.Set(k, v)
	case "get":
		old, err := tx.Get(rest)
		return append([]byte("is "), old...), err
	case "flood": // more than an entry may change
		for i := range MaxChangeKeys + 1 {
			if err := tx.Set(fmt.Appendf(nil, "flood/%d", i), []byte{1}); err != nil {
				return nil, err
			}
		}
		return []byte("flooded"), nil
	case "panic":
		panic("told to")
	case "big": // 6 MB in values that badger keeps with their keys
		for i := range 200 {
			if err := tx.Set(fmt.Appendf(nil, "big/%d/%d", seq, i), make([]byte, 30_000)); err != nil {
				return nil, err
			}
		}
		return []byte("done"), nil
	}
	return []byte("unknown"), nil
}

// cluster is a number of ledgers in this process.
type cluster struct {
	tb      testing.TB
	dir     string
	members []Member
	mutate  func(*Options)
	machine Machine

	listen func(addr string) StreamLayer // empty: one that is free

	mu    sync.Mutex
	nodes map[string]*Ledger
	layer map[string]StreamLayer
}

// newCluster makes one whose members are connected in memory, or over TCP to be measured.
func newCluster(tb testing.TB, n int, mutate func(*Options)) *cluster {
	tb.Helper()
	if _, measured := tb.(*testing.B); measured {
		return newClusterOn(tb, tcp(tb), n, mutate)
	}
	return newClusterOn(tb, newMemoryNet().listen, n, mutate)
}

func newClusterOn(tb testing.TB, listen func(addr string) StreamLayer, n int, mutate func(*Options)) *cluster {
	tb.Helper()
	c := &cluster{tb: tb, dir: tb.TempDir(), mutate: mutate, machine: kv{}, listen: listen,
		nodes: map[string]*Ledger{}, layer: map[string]StreamLayer{}}
	for i := range n {
		id := fmt.Sprintf("n%d", i+1)
		c.layer[id] = listen("")
		c.members = append(c.members, Member{ID: id, Addr: c.layer[id].Addr().String()})
	}
	tb.Cleanup(func() {
		for _, m := range c.members {
			c.stop(m.ID)
		}
		for _, l := range c.layer {
			_ = l.Close()
		}
	})
	return c
}

func startCluster(tb testing.TB, n int, mutate func(*Options)) *cluster {
	tb.Helper()
	return newCluster(tb, n, mutate).startAll()
}

func (c *cluster) startAll() *cluster {
	c.tb.Helper()
	for _, m := range c.members {
		c.start(m.ID)
	}
	return c
}

// smallMemTable is what a test's memtables take: the state of each member that is opened zeroes 84 MB otherwise,
// which was two fifths of what these tests compute.
const smallMemTable = 8 << 20

// roomy has the memtables that nodes have, for entries of some megabytes.
func roomy(o *Options) { o.MemTable = 0 }

func (c *cluster) options(id string) Options {
	o := Options{
		Dir: filepath.Join(c.dir, id), ID: id, Members: c.members, Bootstrap: true, Machine: c.machine,
		Logger:           slog.New(slog.DiscardHandler),
		HeartbeatTimeout: 200 * time.Millisecond, ElectionTimeout: 200 * time.Millisecond,
		LeaderLeaseTimeout: 150 * time.Millisecond, CommitTimeout: 5 * time.Millisecond,
		NoQuorumTimeout: 5 * time.Second, MinFreeBytes: 1, MemTable: smallMemTable,
	}
	if _, measures := c.tb.(*testing.B); measures {
		roomy(&o)
	}
	if len(c.members) == 1 { // nobody else can be late
		o.HeartbeatTimeout, o.ElectionTimeout, o.LeaderLeaseTimeout = 20*time.Millisecond, 20*time.Millisecond, 15*time.Millisecond
		o.NoQuorumTimeout = time.Minute // a busy disk is no lost quorum
	}
	if c.mutate != nil {
		c.mutate(&o)
	}
	return o
}

// steady has a leader keep its lease on a machine that stands still for seconds, for
// tests of what the same leader does from one step to the next.
func steady(o *Options) {
	o.HeartbeatTimeout, o.ElectionTimeout, o.LeaderLeaseTimeout = 4*time.Second, 4*time.Second, 4*time.Second
}

func (c *cluster) start(id string) *Ledger {
	c.tb.Helper()
	l, err := c.open(id)
	if err != nil {
		c.tb.Fatalf("opening %s: %v", id, err)
	}
	return l
}

func (c *cluster) open(id string) (*Ledger, error) {
	layer, ok := c.layer[id]
	if !ok {
		for _, m := range c.members {
			if m.ID == id {
				layer = c.listen(m.Addr)
			}
		}
	}
	delete(c.layer, id)
	o := c.options(id)
	o.Transport = layer
	l, err := Open(o)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.nodes[id] = l
	c.mu.Unlock()
	return l, nil
}

func (c *cluster) stop(id string) {
	c.tb.Helper()
	c.mu.Lock()
	l := c.nodes[id]
	delete(c.nodes, id)
	c.mu.Unlock()
	if l != nil {
		if err := l.Close(); err != nil {
			c.tb.Errorf("closing %s: %v", id, err)
		}
	}
}

func (c *cluster) running() []*Ledger {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*Ledger
	for _, m := range c.members {
		if l := c.nodes[m.ID]; l != nil {
			out = append(out, l)
		}
	}
	return out
}

// patience is how long a test waits for what must happen: far above what it takes, so that a
// failure is a failure and not a slow machine.
const patience = 2 * time.Minute

// leader waits until one of the running nodes is a leader that can answer reads.
func (c *cluster) leader() *Ledger {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for ctx.Err() == nil {
		for _, l := range c.running() {
			if _, err := l.ReadIndex(ctx); err == nil {
				return l
			}
		}
		backOff(ctx)
	}
	c.tb.Fatal("no leader")
	return nil
}

// propose finds the leader for an entry that may be proposed twice.
func (c *cluster) propose(entry string) Applied {
	c.tb.Helper()
	for range 20 {
		a, err := c.leader().Propose(c.tb.Context(), []byte(entry))
		if err == nil {
			return a
		}
		if other := (*NotLeaderError)(nil); !errors.As(err, &other) && !errors.Is(err, ErrLostLeadership) {
			c.tb.Fatalf("proposing: %v", err)
		}
	}
	c.tb.Fatal("no leader took the entry")
	return Applied{}
}

// settle waits until all running nodes have applied what the leader has.
func (c *cluster) settle() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), patience)
	defer cancel()
	index, err := c.leader().ReadIndex(ctx)
	if err != nil {
		c.tb.Fatalf("read index: %v", err)
	}
	for _, l := range c.running() {
		if err := l.WaitApplied(ctx, index); err != nil {
			c.tb.Fatalf("%s: %v", l.opts.ID, err)
		}
	}
}

// await waits until something holds.
func await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	over, tick := time.NewTimer(patience), time.NewTicker(time.Millisecond)
	defer over.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-over.C:
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}

func get(tb testing.TB, l *Ledger, key string) string {
	tb.Helper()
	var v []byte
	err := l.View(func(r records.Reader) (err error) {
		v, err = r.Get([]byte(key))
		return err
	})
	if err != nil {
		tb.Fatalf("reading %s: %v", key, err)
	}
	return string(v)
}

// sameTrees fails when two running nodes differ in their evidence.
func (c *cluster) sameTrees() (size uint64, root [32]byte) {
	c.tb.Helper()
	c.settle()
	// An entry whose proposer gave up may still arrive: compare what all have.
	size = math.MaxUint64
	for _, l := range c.running() {
		n, _, err := l.TreeHead()
		if err != nil {
			c.tb.Fatalf("tree head of %s: %v", l.opts.ID, err)
		}
		size = min(size, n)
	}
	for i, l := range c.running() {
		h, err := l.RootAt(size)
		if err != nil {
			c.tb.Fatalf("root at %d of %s: %v", size, l.opts.ID, err)
		}
		if i == 0 {
			root = h
		}
		if h != root {
			c.tb.Fatalf("%s has root %x at %d, others %x", l.opts.ID, h, size, root)
		}
	}
	return size, root
}
