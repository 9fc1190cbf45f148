package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/vault"
)

// closeWait is how long requests under way may take to end when a node closes.
const closeWait = time.Second

// Node is a running node.
type Node struct {
	opts     Options
	log      *slog.Logger
	id       string
	run      string // names this run of the node's process to others
	point    int    // Shamir point
	cluster  catalog.Digest
	founding catalog.Cluster
	roster   []catalog.Node // ascending points
	params   he.Parameters
	products he.ProductParameters // of computations on shares

	vault    *vault.Vault
	signing  ed25519.PrivateKey
	keys     *keyring
	shares   *shareKeeper
	blobs    blobs
	machine  *catalog.Machine
	ledger   *consensus.Ledger
	mux      *peer.Mux
	peers    *peer.Client
	peerHTTP *peer.Server
	apiHTTP  *http.Server
	apiAddr  net.Addr

	exchange    *exchange
	checkpoints checkpoints
	mender      *mender
	ceremonies  ceremonies
	outcomes    outcomes
	headways    headways
	acts        *acts
	orphans     *orphans
	vectors     heldVectors
	duties      *duties
	health      *health
	leader      leader
	interrupted map[string]bool // sessions that an earlier run was part of; set once
	woken       chan struct{}
	news        *news

	mu      sync.Mutex
	waiting string

	stop    context.CancelFunc
	done    <-chan struct{} // closed by stop
	loops   sync.WaitGroup  // what works for as long as the node is open
	wg      sync.WaitGroup  // servers, which end with their listeners
	failed  chan error      // first failure of a server
	closers []func() error
	closing sync.Once
	closed  error
}

// Open starts a node: it serves its peers and clients when Open returns, and is
// ready (see Ready) once the cluster has a leader and the node's state is
// loaded. Close ends it.
func Open(opts Options) (n *Node, err error) {
	opts, err = opts.checked()
	if err != nil {
		return nil, fmt.Errorf("open a node: %w", err)
	}
	run, err := newNonce()
	if err != nil {
		return nil, fmt.Errorf("open a node: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n = &Node{
		opts: opts, log: opts.Logger.With("component", "node", "node", opts.ID), id: opts.ID, stop: stop, done: ctx.Done(),
		exchange: newExchange(), mender: newMender(), ceremonies: ceremonies{parts: map[string]*ceremony{}}, outcomes: outcomes{held: map[string]any{}, begun: map[string]bool{}}, headways: headways{heard: opts.far, of: map[string]*headway{}}, duties: newDuties(), acts: newActs(opts.ActBurst), orphans: newOrphans(),
		run: run, health: newHealth(opts.ID, run), woken: make(chan struct{}, 1), news: newNews(), failed: make(chan error, 2),
		machine: catalog.NewMachine(),
	}
	for _, step := range []func() error{guardProcess, n.openGenesis, n.openSecrets, n.openBlobs, n.openPeers, n.openLedger, n.noteInterrupted, n.openVectors, n.openNotary, n.servePeers, n.serveAPI} {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("open node %s: %w", opts.ID, err), n.Close())
		}
	}
	n.loops.Go(func() { n.work(ctx) })
	n.loops.Go(func() { n.scrubs(ctx) })
	n.loops.Go(func() { n.collects(ctx) })
	for _, m := range n.roster {
		if m.ID != n.id {
			n.loops.Go(func() { n.watch(ctx, m) })
		}
	}
	return n, nil
}

// openGenesis reads the roster and this node's place in it.
func (n *Node) openGenesis() error {
	body, err := n.opts.Genesis.Body()
	if err != nil {
		return err
	}
	n.cluster = n.opts.Genesis.Cluster()
	n.founding = catalog.Cluster{ID: n.cluster, Name: body.Name, Threshold: body.Threshold, Nodes: body.Nodes}
	n.roster = body.Nodes
	i := slices.IndexFunc(n.roster, func(m catalog.Node) bool { return m.ID == n.id })
	if i < 0 {
		return fmt.Errorf("the founding has no node %q", n.id)
	}
	n.point = n.roster[i].Point
	if n.point != i+1 {
		return fmt.Errorf("the founding gives node %q point %d, want %d", n.id, n.point, i+1)
	}
	if n.params, err = he.NewParameters(he.DataParameters(len(n.roster), body.Threshold)); err != nil {
		return err
	}
	n.products, err = he.NewProductParameters(he.DefaultProductParameters())
	return err
}

// openSecrets unseals this node's own keys.
func (n *Node) openSecrets() (err error) {
	if n.vault, err = vault.Open(filepath.Join(n.opts.Dir, dirVault), n.opts.SealKeyFile); err != nil {
		return err
	}
	n.onClose(n.vault.Close)
	seed, err := n.vault.Get(secretIdentity)
	if errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("%s has no key of a node: give the directory that node %s was founded with: %w", n.opts.Dir, n.id, err)
	}
	if err != nil {
		return fmt.Errorf("this node's key: %w", err)
	}
	defer vault.Wipe(seed)
	if len(seed) != ed25519.SeedSize {
		return fmt.Errorf("this node's key has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	n.signing = ed25519.NewKeyFromSeed(seed)
	n.onClose(func() error { vault.Wipe(n.signing); return nil })
	if public := n.signing.Public().(ed25519.PublicKey); !public.Equal(ed25519.PublicKey(n.roster[n.point-1].Key)) { //nolint:forcetypeassert // by definition
		return fmt.Errorf("this node's key is not the one that the founding names for %s", n.id)
	}
	if n.shares, err = newShareKeeper(n.vault, n.opts.Clock); err != nil {
		return err
	}
	n.keys = newKeyring(n.vault)
	n.onClose(func() error { n.keys.close(); return nil })
	return nil
}

func (n *Node) openBlobs() error {
	store, err := tiles.Open(filepath.Join(n.opts.Dir, dirBlobs), tiles.StoreOptions{Logger: n.opts.Logger})
	if err != nil {
		return err
	}
	n.blobs = blobs{store: store, mender: n.mender, orphans: n.orphans, wake: n.wake}
	n.onClose(store.Close)
	return nil
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
	roster, err := peer.NewRoster(members)
	if err != nil {
		return err
	}
	addr := n.opts.PeerListen
	if addr == "" {
		addr = n.roster[n.point-1].Addr
	}
	options := peer.Options{
		Advertise: n.roster[n.point-1].Addr, Tap: n.opts.Tap,
		MaxResponse: tiles.DefaultMaxBlob, // of what nodes ask each other for, a presence may be the largest
		Refused: func(remote net.Addr, err error) {
			n.log.Warn("connection refused", "remote", remote.String(), "error", err)
		},
	}
	if n.mux, err = peer.Listen(addr, identity, roster, options); err != nil {
		return err
	}
	n.onClose(n.mux.Close)
	if n.peers, err = peer.NewClient(identity, roster, options); err != nil {
		return err
	}
	n.onClose(func() error { n.peers.Close(); return nil })
	return nil
}

func (n *Node) openLedger() (err error) {
	members := make([]consensus.Member, len(n.roster))
	for i, m := range n.roster {
		members[i] = consensus.Member{ID: m.ID, Addr: m.Addr}
	}
	n.ledger, err = consensus.Open(consensus.Options{
		Dir: filepath.Join(n.opts.Dir, dirLedger), ID: n.id, Members: members, Bootstrap: true,
		Transport: n.mux.Raft(), Machine: n.machine, Logger: n.opts.Logger,
		SnapshotThreshold: n.opts.SnapshotThreshold, SnapshotInterval: n.opts.SnapshotInterval, TrailingLogs: n.opts.TrailingLogs,
		HeartbeatTimeout: n.opts.Heartbeat, ElectionTimeout: n.opts.Heartbeat, LeaderLeaseTimeout: n.opts.Heartbeat / 2,
		NoQuorumTimeout: n.opts.QuorumWait, MinFreeBytes: n.opts.MinFreeBytes,
	})
	if err != nil {
		return err
	}
	n.onClose(n.ledger.Close)
	return nil
}

func (n *Node) servePeers() error {
	n.peerHTTP = n.peerRoutes()
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
		Backend: n, Blobs: n.blobs, Health: n, Evidence: n, Cluster: n.cluster, Progress: n.Progress,
		TileBytes: n.params.TileBytes(), MaxIndexBytes: tiles.DefaultMaxBlob, Logger: n.opts.Logger, Now: n.opts.Clock,
	})
	if err != nil {
		return err
	}
	if n.opts.WrapAPI != nil {
		handler = n.opts.WrapAPI(handler)
	}
	addr := n.opts.APIListen
	if addr == "" {
		if addr, err = hostPort(n.roster[n.point-1].API); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
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

// report keeps the first failure of a server that nobody closed.
func (n *Node) report(server string, err error) {
	if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	select {
	case n.failed <- fmt.Errorf("serve %s: %w", server, err):
	default:
	}
}

// Failed delivers the failure of one of the node's servers, after which the
// node is of no use.
func (n *Node) Failed() <-chan error { return n.failed }

// APIAddr is the address on which clients are served.
func (n *Node) APIAddr() net.Addr { return n.apiAddr }

// Changes returns a channel that is closed at the next change of the state.
func (n *Node) Changes() <-chan struct{} { return n.news.next() }

func (n *Node) onClose(f func() error) { n.closers = append(n.closers, f) }

// Close ends all work, closes the servers and then what they use, in the
// reverse order of opening. It may be called more than once.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.stop()
		n.loops.Wait() // and with work, every duty it started
		var errs []error
		for i := len(n.closers) - 1; i >= 0; i-- {
			errs = append(errs, n.closers[i]())
		}
		n.wg.Wait()
		n.closed = errors.Join(errs...)
	})
	return n.closed
}
