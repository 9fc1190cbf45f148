package node

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/auditlog"
	"github.com/weirdata/weir/node/blobcache"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/changes"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/metrics"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/ratelimit"
	"github.com/weirdata/weir/node/vault"
	"github.com/weirdata/weir/node/versions"
)

// closeWait is how long requests under way may take to end when a node closes.
const closeWait = time.Second

// Node is a running node. Its parts share a core:
//
//   - monitor: what it knows of the other nodes, and whether clocks, states and logs agree;
//   - access: the ways into the ledger and out of it;
//   - leader: what it decides while it leads;
//   - reconciler: its own work, which follows from the state;
//   - checkpoints: its signed log, and the others' signatures;
//   - backups: the ledger, held ready for operators;
//   - peerPort: what it does for the other nodes;
//   - standing: how it is, as it tells others;
//   - upkeep: what its disk asks for;
//   - reopener: what it has to be opened anew for.
type Node struct {
	*core
	*access
	monitor     *monitor
	leader      *leader
	reconciler  *reconciler
	checkpoints *checkpoints
	backups     *backups
	peerPort    *peerPort
	standing    *standing
	upkeep      *upkeep
	reopener    *reopener

	mux      *peer.Mux
	peerHTTP *peer.Server
	apiHTTP  *http.Server
	apiAddr  net.Addr
	openers  api.Cores // for openings

	figures     *metrics.Metrics // nil: metrics are not told
	metricsAddr net.Addr         // nil: they are not told on an address

	stop    context.CancelFunc
	loops   sync.WaitGroup // what works for as long as the node is open
	wg      sync.WaitGroup // servers, which end with their listeners
	failed  failures
	closers []func() error
	closing sync.Once
	closed  error
}

// Open starts a node: it serves its peers and clients when Open returns, and is ready (see Health) once the cluster
// has a leader and the node's state is loaded. Close ends it.
func Open(opts Options) (*Node, error) {
	opts, err := opts.validate()
	if err != nil {
		return nil, fmt.Errorf("open a node: %w", err)
	}
	run := newNonce()
	ctx, stop := context.WithCancel(context.Background())
	c := &core{
		opts: opts, log: opts.Logger.With("component", "node", "node", opts.ID), id: opts.ID, run: run,
		machine: state.NewMachine(), health: newHealth(opts.ID, run), woken: make(chan struct{}, 1), life: ctx,
	}
	n := newNode(c)
	n.stop = stop
	for _, step := range []func() error{
		vault.GuardProcess, n.openGenesis, n.openRestore, n.openMark, n.openSecrets, n.openBlobs, n.openPeers, n.openComputations, n.openLedger, n.levelFault,
		n.checkpoints.open, n.openBackups, n.openAuditLog, n.servePeers, n.serveAPI, n.serveDebug,
	} {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("open node %s: %w", opts.ID, n.advised(err)), n.Close())
		}
	}
	if opts.Shadow == nil {
		n.works(ctx)
	}
	for _, m := range n.roster {
		if m.ID != n.id {
			n.loops.Go(func() { n.monitor.watch(ctx, m) })
		}
	}
	return n, nil
}

// works does all that the state, and the node's disk, ask of a node.
func (n *Node) works(ctx context.Context) {
	n.loops.Go(func() { n.reconciler.run(ctx) })
	n.loops.Go(func() { n.upkeep.scrubs(ctx) })
	n.loops.Go(func() { n.reopener.restarts(ctx) })
	n.loops.Go(func() { n.reopener.followsRoster(ctx) })
	n.loops.Go(func() { n.reopener.asksWhetherLeft(ctx) })
	n.loops.Go(func() { n.upkeep.collects(ctx) })
	if audit := n.standing.audit; audit != nil {
		n.loops.Go(func() { audit.Follow(ctx) })
	}
}

// newNode puts the parts of a node together.
func newNode(c *core) *Node {
	mon := &monitor{core: c}
	acc := &access{core: c, monitor: mon, limiter: ratelimit.New(c.opts.ActBurst), cores: api.NewCores(runtime.GOMAXPROCS(0) - 1)}
	l := &leader{core: c, monitor: mon, access: acc, kept: newKeeping(c), naming: map[string]bool{}}
	acc.attemptWith = l.attemptWith
	cp := &checkpoints{core: c, turn: make(chan struct{}, 1)}
	b := &backups{core: c, access: acc, checkpoints: cp, turn: make(chan struct{}, 1)}
	failed := make(failures, 2)
	return &Node{
		core: c, access: acc, monitor: mon, leader: l, checkpoints: cp, backups: b,
		reconciler: &reconciler{core: c, monitor: mon, access: acc, leader: l, running: map[string]context.CancelFunc{}, rest: map[string]time.Time{}, news: changes.NewNews(), kept: newKeeping(c)},
		peerPort:   &peerPort{core: c, access: acc, monitor: mon, checkpoints: cp},
		standing:   &standing{core: c, monitor: mon, leader: l, checkpoints: cp},
		upkeep:     &upkeep{core: c, monitor: mon, backups: b},
		reopener:   &reopener{core: c, checkpoints: cp, failed: failed},
		openers:    api.NewCores(c.opts.Workers), failed: failed,
	}
}

// ErrLeft is returned by Open for a node whose seat was given up and that holds nothing any more.
var ErrLeft = errors.New("this node has left the cluster: its seat was given up, and nothing here is needed any more")

// openGenesis reads the roster and this node's place in it.
func (n *Node) openGenesis() error {
	if err := n.opts.Genesis.CheckSigned(); err != nil {
		return err
	}
	rosters, left, gone, err := founding.ReadRosters(n.opts.Dir, n.opts.Genesis)
	if err != nil {
		return err
	}
	n.cluster, n.founders, n.members = n.opts.Genesis.Cluster(), rosters[0].Nodes, rosters[len(rosters)-1]
	n.members.Leaving = slices.DeleteFunc(n.members.Leaving, func(l catalog.Leaving) bool {
		return slices.Contains(left, l.Node.ID) || slices.Contains(gone, l.Node.ID) && l.Node.ID != n.id
	})
	if n.members, err = n.opts.shadowed(n.members); err != nil {
		return err
	}
	n.roster, n.point = roster.All(n.members), n.members.Roster().Point(n.id)
	i := slices.IndexFunc(n.roster, func(m catalog.Node) bool { return m.ID == n.id })
	if slices.Contains(left, n.id) {
		return fmt.Errorf("%w: %s", ErrLeft, n.id)
	}
	if i < 0 {
		return fmt.Errorf("the roster has no node %q", n.id)
	}
	n.self = n.roster[i]
	for _, was := range rosters { // the first machine in the seat
		if p := was.Roster().Point(n.id); p > 0 {
			n.successor = !bytes.Equal(n.self.Key, was.Nodes[p-1].Key)
			break
		}
	}
	if n.params, err = he.NewParameters(he.DataParameters(len(n.members.Nodes), n.members.Threshold)); err != nil {
		return err
	}
	n.products, err = he.NewProductParameters(he.DefaultProductParameters())
	return err
}

// openSecrets unseals what the node keeps, with the key of a file or of a command, and reads its own keys.
func (n *Node) openSecrets() (err error) {
	if n.vault, err = (founding.SealKey{File: n.opts.SealKeyFile, Command: n.opts.SealKeyCommand, Key: n.opts.sealKey}).Open(n.life, n.opts.Dir); err != nil {
		return err
	}
	n.secrets = n.vault
	n.onClose(n.vault.Close)
	n.signing, err = founding.SigningKey(n.vault)
	if errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("%s has no key of a node: give the directory that node %s was founded with: %w", n.opts.Dir, n.id, err)
	}
	if err != nil {
		return err
	}
	n.onClose(func() error { vault.Wipe(n.signing); return nil })
	if public := n.signing.Public().(ed25519.PublicKey); !public.Equal(ed25519.PublicKey(n.self.Key)) { //nolint:forcetypeassert // by definition
		return fmt.Errorf("this node's key is not the one that the roster names for %s after %d changes: the directory is that of "+
			"another node, or of a machine that was replaced and takes no part any more", n.id, n.members.Changes)
	}
	return nil
}

func (n *Node) openBlobs() (err error) {
	n.disk, err = blobs.OpenDisk(filepath.Join(n.opts.Dir, founding.DirBlobs), tiles.StoreOptions{Logger: n.opts.Logger, Free: n.opts.Free, Old: true})
	if err != nil {
		return err
	}
	n.onClose(n.disk.Close)
	rollups := blobs.OpenRollups(filepath.Join(n.opts.Dir, founding.DirRollups), blobs.RollupOptions{MinFree: tiles.DefaultMinFree, Logger: n.log, Free: n.opts.Free})
	if n.opts.BlobStore == "" {
		n.openVersions(n.disk, rollups)
		return nil
	}
	cache, err := blobcache.At(n.life, n.opts.BlobStore, blobcache.Options{
		Local: n.disk, Node: n.id, Index: filepath.Join(n.opts.Dir, founding.FileUploaded), Limit: n.opts.BlobCache, Logger: n.log, Pause: client.Pause,
	})
	if err != nil {
		return err
	}
	n.onClose(cache.Close)
	n.openVersions(cache, rollups)
	return nil
}

// openVersions makes the stores of blobs, and of the versions that are made of them.
func (n *Node) openVersions(disk blobs.Disk, rollups *blobs.Rollups) {
	n.blobs = blobs.New(blobs.Options{
		Disk: disk, Rollups: rollups, Self: n.id, Roster: n.roster, Ledger: ownLedger{n.access, n.opts.lie}, Peers: blobPeers{n.core}, Cores: n.openers, Workers: n.opts.Workers,
		Logger: n.log, Clock: n.opts.Clock, Ticks: n.opts.Ticks, ScrubPause: n.opts.ScrubPause, KeepOrphans: n.opts.KeepOrphans, Wake: n.wake,
	})
	n.versions = versions.New(versions.Options{Ledger: ownLedger{access: n.access}, Blobs: n.blobs, Params: n.params, Logger: n.log, Plan: n.opts.plan})
}

// openPeers listens on the one port for peers.
func (n *Node) openPeers() error {
	identity, err := peer.NewIdentity(n.signing)
	if err != nil {
		return err
	}
	members := make([]peer.Member, len(n.roster))
	for i, m := range n.roster {
		members[i] = peer.Member{ID: m.ID, Key: m.Key, Addr: m.Addr}
	}
	known, err := peer.NewRoster(members)
	if err != nil {
		return err
	}
	addr := cmp.Or(n.opts.PeerListen, n.self.Addr)
	options := peer.Options{
		Advertise: n.self.Addr, Tap: n.opts.Tap,
		MaxResponse: tiles.DefaultMaxBlob, // of what nodes ask each other for, a presence may be the largest
		Refused: func(remote net.Addr, err error) {
			n.log.Warn("connection refused", "remote", remote.String(), "error", err)
		},
	}
	if n.mux, err = peer.Listen(addr, identity, known, options); err != nil {
		return err
	}
	n.onClose(n.mux.Close)
	client, err := peer.NewClient(identity, known, options)
	if err != nil {
		return err
	}
	n.peers = client
	n.onClose(func() error { client.Close(); return nil })
	return nil
}

// openComputations lists what the vault has for what nodes compute together.
func (n *Node) openComputations() (err error) {
	n.mpc, err = mpc.New(mpc.Options{
		Cluster: n.members, Self: n.self, Signing: n.signing, Params: n.params, Products: n.products, Sealing: founding.SecretSealing,
		Ledger: ownLedger{n.access, n.opts.lie}, Peers: otherMembers{n.peers}, Blobs: n.blobs, Secrets: n.secrets, Versions: n.versions,
		Cores: n.openers, Workers: n.opts.Workers, Logger: n.log, Clock: n.opts.Clock, Agreed: n.monitor.agree, Summed: n.opts.summed, Progressed: n.opts.far,
	})
	if err != nil {
		return err
	}
	n.onClose(func() error { n.mpc.Close(); return nil })
	return nil
}

func (n *Node) openLedger() error {
	var members []consensus.Member
	founded := false // with this node
	for _, m := range n.founders {
		members = append(members, consensus.Member{ID: m.ID, Addr: m.Addr})
		founded = founded || m.ID == n.id
	}
	opened, err := consensus.Open(consensus.Options{
		Dir: filepath.Join(n.opts.Dir, founding.DirLedger), ID: n.id, Members: members, Bootstrap: founded, Successor: n.successor, Resolve: n.addrOf, Votes: n.mayVote,
		Transport: n.mux.Raft(), Machine: n.machine, Logger: n.opts.Logger, Memory: vault.Memory{Vault: n.vault, Name: founding.SecretLedger},
		SnapshotThreshold: n.opts.SnapshotThreshold, SnapshotInterval: n.opts.SnapshotInterval, TrailingLogs: n.opts.TrailingLogs,
		HeartbeatTimeout: n.opts.Heartbeat, ElectionTimeout: n.opts.Heartbeat, LeaderLeaseTimeout: n.opts.Heartbeat / 2,
		NoQuorumTimeout: n.opts.QuorumWait, MinFreeBytes: n.opts.MinFreeBytes, Free: n.opts.Free,
		MemTable: n.opts.memTable,
	})
	if err != nil {
		return err
	}
	n.ledger, n.votes = opened, opened.Votes
	n.onClose(opened.Close)
	return nil
}

// openBackups makes room for what is held ready for backups.
func (n *Node) openBackups() error {
	n.onClose(n.backups.close)
	return n.backups.open()
}

func (n *Node) servePeers() error {
	n.peerHTTP = n.peerPort.server()
	n.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		defer cancel()
		err := n.peerHTTP.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil // requests under way were broken off, which is what closing means
		}
		return err
	})
	n.wg.Go(func() { n.report("peers", n.peerHTTP.Serve(n.mux.Peers())) })
	return nil
}

// serveAPI listens for clients.
func (n *Node) serveAPI() error {
	identity, err := peer.NewIdentity(n.signing)
	if err != nil {
		return err
	}
	handler, err := api.New(api.Options{
		Backend: n, Blobs: clientBlobs{n.blobs}, Health: n.standing, Evidence: n.checkpoints, Backups: n.backups, Cluster: n.cluster, Progress: n.Progress,
		Applied: n.ledger.AppliedIndex, ClockFault: n.monitor.clockFault, Cores: n.cores,
		TileBytes: n.params.TileBytes(), PackedTileBytes: n.params.PackedTileBytes(), MaxIndexBytes: tiles.DefaultMaxBlob, Logger: n.opts.Logger, Now: n.opts.Clock,
	})
	if err != nil {
		return err
	}
	if n.opts.WrapAPI != nil {
		handler = n.opts.WrapAPI(handler)
	}
	if handler, err = n.serveMetrics(handler); err != nil {
		return err
	}
	listener, err := n.opts.listenAPI(n.self)
	if err != nil {
		return err
	}
	n.apiAddr = listener.Addr()
	listener = api.LimitConns(listener, api.MaxConns, api.MaxConnsEach)
	n.apiHTTP = api.NewServer(handler)
	n.apiHTTP.TLSConfig = peer.APIServerTLS(identity)
	n.apiHTTP.ErrorLog = slog.NewLogLogger(n.opts.Logger.Handler(), slog.LevelDebug)
	n.onClose(n.apiHTTP.Close)
	n.wg.Go(func() { n.report("clients", n.apiHTTP.ServeTLS(listener, "", "")) })
	return nil
}

// openAuditLog opens the file that says who did what, where Options.AuditLog names one.
func (n *Node) openAuditLog() (err error) {
	if n.opts.AuditLog == "" {
		return nil
	}
	name := func(principal string) (name string) {
		err := n.view(func(v state.View) error {
			p, err := v.Principal(principal)
			name = p.Name
			return err
		})
		if err != nil && !errors.Is(err, records.ErrNotFound) {
			n.log.Warn("the audit log names nobody", "principal", principal, "error", err)
		}
		return name
	}
	n.standing.audit, err = auditlog.New(n.opts.AuditLog, n.ledger, name, n.log)
	return err
}

// listenAPI listens for clients, where the roster says unless an option does.
func (o Options) listenAPI(self catalog.Node) (_ net.Listener, err error) {
	addr := o.APIListen
	if addr == "" {
		if addr, err = hostPort(self.API); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for clients: %w", err)
	}
	return listener, nil
}

// serveMetrics makes this node's metrics, where somebody can ask for them, listens on Options.MetricsListen if it is
// set, and returns the handler that counts the requests of clients.
func (n *Node) serveMetrics(clients http.Handler) (http.Handler, error) {
	if n.opts.MetricsListen == "" && n.opts.DebugSocket == "" {
		return clients, nil
	}
	n.figures = n.standing.metrics()
	clients = n.figures.Wrap(clients)
	if n.opts.MetricsListen == "" {
		return clients, nil
	}
	listener, err := net.Listen("tcp", n.opts.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("listen for who collects metrics: %w", err)
	}
	n.metricsAddr = listener.Addr()
	ctx, stop := context.WithCancel(context.Background())
	n.onClose(func() error { stop(); return nil })
	n.wg.Go(func() { n.report("metrics", n.figures.Serve(ctx, listener)) })
	return clients, nil
}

// report keeps the first failure of a server that nobody closed.
func (n *Node) report(server string, err error) {
	if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	n.failed.put(fmt.Errorf("serve %s: %w", server, err))
}

// Health is how the node is, by its own word.
func (n *Node) Health() api.Health { return n.standing }

// Progress is how far this node is with its part of a query's attempt under way; nil where
// it has none, or where the ledger has it.
func (n *Node) Progress(q catalog.Query) *wire.Progress {
	a, member := mpc.Member(q.Attempts, n.id)
	if !member || q.State != catalog.QueryRunning || slices.Contains(q.Shares, n.id) || slices.Contains(q.Failing, n.id) {
		return nil
	}
	return n.mpc.Attempts.Progress(mpc.QuerySession(q.ID, a.Number), a.Number)
}

// Receipt finds an entry in the evidence log: its leaf hash and what the state
// machine recorded.
func (n *Node) Receipt(ctx context.Context, seq uint64) (api.Receipt, error) {
	return n.checkpoints.Receipt(ctx, seq)
}

// Failed delivers the failure of one of the node's servers, after which the node is of no use.
func (n *Node) Failed() <-chan error { return n.failed }

// APIAddr is the address on which clients are served.
func (n *Node) APIAddr() net.Addr { return n.apiAddr }

// MetricsAddr is the address on which metrics are told; nil: on none.
func (n *Node) MetricsAddr() net.Addr { return n.metricsAddr }

// Changes returns a channel that is closed at the next change of the state.
func (n *Node) Changes() <-chan struct{} { return n.reconciler.news.Next() }

func (n *Node) onClose(f func() error) { n.closers = append(n.closers, f) }

// Close ends all work, closes the servers and then what they use, in the reverse order of opening. It may be called
// more than once.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.stop()
		n.loops.Wait() // and with the reconciler, every task it started
		var errs []error
		for i := len(n.closers) - 1; i >= 0; i-- {
			errs = append(errs, n.closers[i]())
		}
		n.wg.Wait()
		n.closed = errors.Join(errs...)
	})
	return n.closed
}

// hostPort is the address in an https URL such as the roster's.
func hostPort(api string) (string, error) {
	u, err := url.Parse(api)
	if err != nil {
		return "", fmt.Errorf("read the roster's address for clients: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("the roster's address for clients is %q, want https://HOST:PORT", api)
	}
	return u.Host, nil
}

// addrOf is where a member is reached: the address that raft was told at the founding may
// be that of a machine which is gone.
func (n *Node) addrOf(id string) (addr string, known bool) {
	for _, m := range n.roster {
		if m.ID == id {
			return m.Addr, true
		}
	}
	return "", false
}
