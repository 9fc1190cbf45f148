package apitest

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/peer"
)

// Founder is the operator who founds the cluster.
type Founder struct {
	Name      string
	Signing   ed25519.PrivateKey
	Receiving []byte // public
	Level     int    // of the cluster; 0: the newest
}

// Cluster implements api.Backend and api.Blobs.
type Cluster struct {
	// Broken, when not nil, is asked before every submission and read and its
	// error is what they fail with.
	Broken func() error
	// Asleep stops the nodes' work: keys, versions and queries stay where they are.
	Asleep bool
	// Reasons are why the cluster is not ready.
	Reasons []string

	mu      sync.Mutex // guards everything below
	machine *state.Machine
	state   *memstore.Store
	seq     uint64 // entries applied
	tree    leaves
	changed chan struct{}
	blobs   map[catalog.Digest][]byte
	nodes   []*node
	params  he.Parameters
	record  catalog.Cluster
}

// node is one member's identity and its keys, by key id.
type node struct {
	catalog.Node
	signing ed25519.PrivateKey
	keys    map[string]*he.NodeKey
	tree    leaves // its own, once it was tampered with
	notary  *evidence.Notary
}

var (
	_ api.Backend = (*Cluster)(nil)
	_ api.Blobs   = (*Cluster)(nil)
	_ api.Health  = vitals{}
)

// New founds a cluster of three nodes with a threshold of two.
func New(founder Founder) (*Cluster, error) {
	const n, t = 3, 2
	params, err := he.NewParameters(he.DataParameters(n, t))
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		machine: state.NewMachine(), state: memstore.New(), changed: make(chan struct{}),
		blobs: make(map[catalog.Digest][]byte), params: params, tree: leaves{},
	}
	body := catalog.InitBody{Name: "test", Threshold: t, Level: cmp.Or(founder.Level, state.FeatureLevel), Operator: catalog.PrincipalAdd{
		Name: founder.Name, Role: catalog.RoleOperator, Key: founder.Signing.Public().(ed25519.PublicKey), Receiving: founder.Receiving,
	}}
	for i := range n {
		one, err := newNode(i + 1)
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, one)
		one.Institution, one.Operator = body.Operator.Name, body.Operator.Key
		body.Nodes = append(body.Nodes, one.Node)
	}
	e, err := sign(founder.Signing, catalog.PrincipalID(body.Operator.Key), "", catalog.KindInit, body)
	if err != nil {
		return nil, err
	}
	r, err := c.apply(e)
	if err != nil {
		return nil, err
	}
	if r.Outcome.Refusal != nil {
		return nil, r.Outcome.Refusal
	}
	if c.record, err = c.view().Cluster(); err != nil {
		return nil, err
	}
	for _, n := range c.nodes {
		if err := c.appoint(n); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func newNode(point int) (*node, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	_, sealing, err := seal.GenerateKey()
	if err != nil {
		return nil, err
	}
	return &node{
		Node: catalog.Node{
			ID: fmt.Sprintf("n%d", point), Point: point,
			Addr: fmt.Sprintf("127.0.0.1:%d", 7000+point), API: fmt.Sprintf("https://127.0.0.1:%d", 8000+point),
			Key: public, Sealing: sealing,
		},
		signing: private, keys: make(map[string]*he.NodeKey),
	}, nil
}

// sign makes an envelope as of now.
func sign(key ed25519.PrivateKey, signer, cluster string, kind catalog.Kind, body any) (catalog.Envelope, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return catalog.Envelope{}, err
	}
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return catalog.Envelope{}, err
	}
	now := time.Now().UnixMilli()
	return catalog.Sign(key, signer, catalog.Payload{
		Version: 1, Cluster: cluster, Kind: kind, Nonce: hex.EncodeToString(nonce[:]),
		Issued: now, Expires: now + catalog.MaxEnvelopeAge, Body: raw,
	})
}

// ID is the cluster's id.
func (c *Cluster) ID() catalog.Digest { return c.record.ID }

// Nodes is the roster.
func (c *Cluster) Nodes() []catalog.Node { return c.record.Nodes }

// Options are options of the API for this cluster.
func (c *Cluster) Options() api.Options {
	return c.OptionsOf(0)
}

// OptionsOf are options of the API as the i-th node serves it: its evidence is
// its own.
func (c *Cluster) OptionsOf(i int) api.Options {
	return api.Options{
		Backend: c, Blobs: c, Health: vitals{c, i}, Cluster: c.ID(), TileBytes: c.params.TileBytes(),
		PackedTileBytes: c.params.PackedTileBytes(),
		Evidence:        witness{nodeTree{c, c.nodes[i]}},
	}
}

// apply applies one entry. The lock is held, or nobody else has the cluster yet.
func (c *Cluster) apply(e catalog.Envelope) (api.Receipt, error) {
	entry := catalog.NewEntry(time.Now().UnixMilli(), e).Marshal()
	tx := c.state.Clone()
	raw, err := c.machine.Apply(tx, c.seq, entry)
	if err != nil {
		return api.Receipt{}, err
	}
	leaf, err := c.recordLeaf(entry, raw)
	if err != nil {
		return api.Receipt{}, err
	}
	r := api.Receipt{Seq: c.seq, Leaf: catalog.Digest(leaf), Index: c.seq}
	c.state = tx
	c.seq++
	close(c.changed)
	c.changed = make(chan struct{})
	return r, json.Unmarshal(raw, &r.Outcome)
}

func (c *Cluster) view() state.View { return c.machine.View(c.state) }

func (c *Cluster) broken() error {
	if c.Broken == nil {
		return nil
	}
	return c.Broken()
}

// Submit implements api.Backend.
func (c *Cluster) Submit(_ context.Context, e catalog.Envelope, _ bool) (api.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.broken(); err != nil {
		return api.Receipt{}, err
	}
	r, err := c.apply(e)
	if err != nil || c.Asleep {
		return r, err
	}
	return r, c.work()
}

// Wake ends the nodes' sleep and lets them do what is due.
func (c *Cluster) Wake() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Asleep = false
	return c.work()
}

// Read implements api.Backend.
func (c *Cluster) Read(_ context.Context, fn func(state.View) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.broken(); err != nil {
		return err
	}
	return fn(c.view())
}

// Look implements api.Backend.
func (c *Cluster) Look(fn func(state.View) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fn(c.view())
}

// Receipt implements api.Backend.
func (c *Cluster) Receipt(_ context.Context, seq uint64) (api.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq >= c.seq {
		return api.Receipt{}, fmt.Errorf("entry %d: %w", seq, api.ErrNotFound)
	}
	leaf, err := evidence.Leaf(c.tree, seq)
	return api.Receipt{Seq: seq, Leaf: catalog.Digest(leaf), Index: seq}, err
}

// Changes implements api.Backend.
func (c *Cluster) Changes() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Put implements api.Blobs.
func (c *Cluster) Put(_ context.Context, d catalog.Digest, b []byte) error {
	if got := catalog.Sum(b); got != d {
		return fmt.Errorf("blob %s: the bytes have digest %s", d, got)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blobs[d] = slices.Clone(b)
	return nil
}

// Get implements api.Blobs.
func (c *Cluster) Get(_ context.Context, d catalog.Digest) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.blobs[d]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", d, api.ErrNotFound)
	}
	return slices.Clone(b), nil
}

// Missing implements api.Blobs.
func (c *Cluster) Missing(_ context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(digests), func(d catalog.Digest) bool { _, ok := c.blobs[d]; return ok }), nil
}

// Forget removes the blobs for which drop holds, as a node that lost them.
func (c *Cluster) Forget(drop func(b []byte) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.blobs, func(_ catalog.Digest, b []byte) bool { return drop(b) })
}

// vitals are the health of one node of the cluster.
type vitals struct {
	cluster *Cluster
	node    int
}

// Live implements api.Health.
func (v vitals) Live() error { return nil }

// Ready implements api.Health.
func (v vitals) Ready() (bool, []string) { return len(v.cluster.Reasons) == 0, v.cluster.Reasons }

// Status implements api.Health.
func (v vitals) Status() wire.Status {
	c := v.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	s := wire.Status{ID: c.nodes[v.node].ID, Cluster: c.record.ID, Alive: ids(c.nodes), Ledger: wire.LedgerStatus{State: "follower", Entries: c.seq}}
	s.Ready, s.Reasons = v.Ready()
	return s
}

// TLS is the configuration of the i-th node's port for clients, who pin its key.
func (c *Cluster) TLS(i int) (*tls.Config, error) {
	identity, err := peer.NewIdentity(c.nodes[i].signing)
	if err != nil {
		return nil, err
	}
	return peer.APIServerTLS(identity), nil
}
