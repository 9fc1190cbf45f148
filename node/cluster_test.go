package node

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable/memdisk"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

func TestMain(m *testing.M) {
	// Clusters wait for elections, pings and ticks most of the time: more of them fit side by
	// side than there are cores.
	sideBySide := 4 * runtime.GOMAXPROCS(0)
	if raceDetector {
		sideBySide /= 2
	}
	if err := flag.Set("test.parallel", strconv.Itoa(sideBySide)); err != nil { // -parallel overrides it
		panic(err)
	}
	debug.SetGCPercent(300) // a quarter of the time would go to collecting what clusters leave
	remove := memdisk.Use()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		remove()
		os.Exit(code)
	}),
		// badger's caches and glog flush in the background for as long as the
		// process lives.
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
}

// cluster is a cluster whose nodes run in this process, with real directories
// and real connections on loopback.
type cluster struct {
	now func() time.Time // the clients' clock; nil: the machine's

	t         testing.TB
	dir       string
	genesis   founding.Genesis
	body      catalog.InitBody
	profile   client.Profile
	operator  *client.Key
	nodes     map[string]*Node
	configure func(*Options)
	summed    summing
}

// deadline bounds a test that waits for a cluster: far above what it takes, so
// that a failure is a failure and not a slow machine.
const deadline = 4 * time.Minute

// patience is for how long requests of tests wait for a leader, and for a node that is
// busy. An election after a leader was lost may take five heartbeats, and as many more
// where votes are split, and on a machine with other work many times that: where nothing but
// the answer matters, no test is to hear of it.
const patience = 3 * time.Minute

func newKey(t testing.TB, name string) *client.Key {
	t.Helper()
	k, err := client.NewKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newCluster founds and starts n nodes with threshold t.
func newCluster(t testing.TB, n, threshold int, configure func(*Options)) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), operator: newKey(t, "operator"), nodes: map[string]*Node{}, configure: configure, summed: summing{sums: map[string][]int{}}}
	public := c.operator.Public()
	c.body = catalog.InitBody{Name: "test", Threshold: threshold, Operator: catalog.PrincipalAdd{
		Name: public.Name, Role: catalog.RoleOperator, Key: public.Key, Receiving: public.Receiving,
	}}
	for i := range n {
		m := founding.Card{ID: fmt.Sprintf("n%d", i+1), Institution: public.Name, Operator: public.Key, Addr: freeAddr(t), API: "https://" + freeAddr(t)}
		if err := vault.NewKeyFile(c.sealKey(m.ID)); err != nil {
			t.Fatal(err)
		}
		m, err := founding.Init(t.Context(), c.nodeDir(m.ID), founding.SealKey{File: c.sealKey(m.ID)}, m)
		if err != nil {
			t.Fatal(err)
		}
		c.body.Nodes = append(c.body.Nodes, m.Node(i+1))
	}
	var err error
	if c.genesis, err = founding.NewGenesis(c.operator.Signing(), time.Now().UnixMilli(), c.body); err != nil {
		t.Fatal(err)
	}
	c.profile = client.Profile{Addr: c.body.Nodes[0].API, Cluster: c.genesis.Cluster(), Threshold: threshold}
	for _, m := range c.body.Nodes {
		c.profile.Nodes = append(c.profile.Nodes, client.ProfileNode{ID: m.ID, Addr: m.API, Key: m.Key})
		c.open(m.ID)
	}
	t.Cleanup(func() {
		for id := range c.nodes {
			c.close(id)
		}
	})
	return c
}

func (c *cluster) nodeDir(id string) string { return filepath.Join(c.dir, id) }
func (c *cluster) sealKey(id string) string { return filepath.Join(c.dir, id+".seal-key") }

// open starts a node.
func (c *cluster) open(id string) *Node {
	c.t.Helper()
	n, err := c.tryOpen(id)
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// tryOpen starts a node that may not start.
func (c *cluster) tryOpen(id string) (*Node, error) {
	o := Options{
		Dir: c.nodeDir(id), SealKeyFile: c.sealKey(id), ID: id, Genesis: c.genesis,
		Logger: slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Tick:   200 * time.Millisecond, QuorumWait: patience, memTable: 8 << 20,
		PingTimeout: 15 * time.Second, // a node that is closed refuses at once
	}
	if raceDetector { // everything takes several times as long
		o.Heartbeat = 2 * time.Second
	}
	o.summed = c.summed.of(id)
	if c.configure != nil {
		c.configure(&o)
	}
	n, err := Open(o)
	if err == nil {
		c.nodes[id] = n
	}
	return n, err
}

// raftLedger is a node's ledger, with what only package consensus asks of it.
func (n *Node) raftLedger(t testing.TB) *consensus.Ledger {
	t.Helper()
	l, ok := n.ledger.(*consensus.Ledger)
	if !ok {
		t.Fatalf("the ledger is a %T", n.ledger)
	}
	return l
}

// close stops a node.
func (c *cluster) close(id string) {
	c.t.Helper()
	if err := c.nodes[id].Close(); err != nil {
		c.t.Errorf("close %s: %v", id, err)
	}
	delete(c.nodes, id)
}

// client returns a client with a key.
func (c *cluster) client(key *client.Key) *client.Client {
	c.t.Helper()
	return c.clientWith(key, client.Options{})
}

// clientWith returns a client that waits for busy nodes and elections.
func (c *cluster) clientWith(key *client.Key, o client.Options) *client.Client {
	c.t.Helper()
	if o.Now == nil {
		o.Now = c.now
	}
	o.Patience, o.RequestTimeout, o.PingTimeout = patience, patience+time.Minute, 15*time.Second
	cl, err := client.New(c.profile, key, o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(cl.Close)
	return cl
}

// admit admits a principal and returns its client.
func (c *cluster) admit(ctx context.Context, key *client.Key, role catalog.Role) *client.Client {
	c.t.Helper()
	if _, err := govern.AddPrincipal(ctx, c.client(c.operator), key.Public(), role); err != nil {
		c.t.Fatal(err)
	}
	return c.client(key)
}

// publisher admits a publisher and waits for its key.
func (c *cluster) publisher(ctx context.Context, name string) *client.Client {
	c.t.Helper()
	key := newKey(c.t, name)
	cl := c.admit(ctx, key, catalog.RolePublisher)
	if _, err := cl.ReadyKey(ctx, key.ID()); err != nil {
		c.t.Fatal(err)
	}
	return cl
}

// await polls until done, which a change of any node's state may make true.
func (c *cluster) await(ctx context.Context, what string, done func() bool) {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			c.t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// leader waits until a node knows which one leads, and returns that.
func (c *cluster) leader(ctx context.Context, asked string) (leads *Node) {
	c.t.Helper()
	c.await(ctx, asked+" to know who leads", func() bool {
		id, known := c.nodes[asked].ledger.Leader()
		leads = c.nodes[id]
		return known && leads != nil
	})
	return leads
}

// awaitGone waits until all nodes that are open have noticed that one is closed.
func (c *cluster) awaitGone(ctx context.Context, id string) {
	c.t.Helper()
	c.await(ctx, "the others to notice that "+id+" is gone", func() bool {
		for _, n := range c.nodes {
			if n.health.isAlive(id) {
				return false
			}
		}
		return true
	})
}

// awaitReady waits until a node that has found the leader says whether it is
// ready.
func (c *cluster) awaitReady(ctx context.Context, id string) (ok bool, reasons []string) {
	c.t.Helper()
	c.await(ctx, id+" to find the leader", func() bool {
		_, known := c.nodes[id].ledger.Leader()
		return known
	})
	return c.nodes[id].standing.Ready()
}

// host is a loopback address of this process alone, where the system has more than one:
// a port that another process draws while a node is closed, or not open yet, is then
// another one.
var host = func() string {
	pid := os.Getpid()
	own := fmt.Sprintf("127.%d.%d.%d", 1+pid>>16%127, pid>>8%256, 1+pid%254)
	l, err := net.Listen("tcp", own+":0")
	if err != nil {
		return "127.0.0.1"
	}
	if err := l.Close(); err != nil {
		return "127.0.0.1"
	}
	return own
}()

// freeAddr draws a loopback address that nobody listens on, below the range of ports
// from which the system takes those of outgoing connections: a node that was closed must
// find its own free when it is opened again.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 256 {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, 20000+rand.IntN(12768))) //nolint:gosec // a port
		if err != nil {
			continue // taken
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if addr := l.Addr().String(); handedOut.add(addr) {
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// handedOut are the addresses that freeAddr has returned: parallel tests must not draw
// one that is free because its node is not open yet.
var handedOut addresses

type addresses struct {
	mu   sync.Mutex
	list []string
}

func (a *addresses) add(addr string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Contains(a.list, addr) {
		return false
	}
	a.list = append(a.list, addr)
	return true
}

// testContext ends shortly before the test binary does, so that a test that hangs says where. It
// has no bound of its own: tests wait for each other's work, and how long that takes is the
// machine's affair.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	if end, bounded := t.Deadline(); bounded {
		ctx, cancel = context.WithDeadline(t.Context(), end.Add(-10*time.Second))
	}
	t.Cleanup(cancel)
	return ctx
}
