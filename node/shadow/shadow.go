package shadow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node"
	"github.com/weirdata/weir/node/dev"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/restore"
	"github.com/weirdata/weir/node/vault"
)

// Options are what a shadow is made of.
type Options struct {
	Dir     string             // of this user alone, and empty; the caller removes it
	Genesis founding.Genesis   // as the nodes of the cluster have it
	Roster  []catalog.Envelope // of the backup, the founding first
	Ledger  func() io.Reader   // the backup's, from its beginning
	Blobs   []catalog.Digest
	Load    func(context.Context, catalog.Digest) ([]byte, error)
	Logger  *slog.Logger // nil: nothing is logged
	// Made is told of each directory before its node is opened, in tests; nil: nobody.
	Made func(id, dir string)
}

// Cluster is a shadow that is up.
type Cluster struct {
	nodes  []*node.Node // the first has the blobs
	closed error
}

// Wait is how long a shadow may take to come up, from when its directories are there.
const Wait = 2 * time.Minute

// Start restores a backup as a shadow, and waits until all of its nodes have the ledger. Its error says
// what of a restore would not have worked, or what of this machine.
func Start(ctx context.Context, o Options) (c *Cluster, err error) {
	if err := o.Genesis.CheckSigned(); err != nil {
		return nil, fmt.Errorf("read the founding: %w", err)
	}
	members, err := restore.Members(o.Genesis, o.Roster)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the shadow's directory: %w", err)
	}
	seats := members.Nodes
	ports, err := dev.FreePorts(len(seats))
	if err != nil {
		return nil, err
	}
	machines := make([]catalog.Node, len(seats))
	cards := make([]founding.Card, len(seats))
	for i, seat := range seats {
		cards[i], err = o.machine(ctx, seat, ports[i])
		if err != nil {
			return nil, fmt.Errorf("make a machine for the seat of %s: %w", seat.ID, err)
		}
		machines[i] = cards[i].Node(seat.Point)
	}
	seed := consensus.Seed{Made: time.Now().UnixMilli()}
	rand.Read(seed.ID[:]) // never fails
	c = &Cluster{}
	for i, card := range cards {
		n, err := o.open(ctx, card, machines, seed, i)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

func (o Options) dir(id string) string { return filepath.Join(o.Dir, id) }

func (o Options) sealKey(id string) founding.SealKey {
	return founding.SealKey{File: filepath.Join(o.Dir, id+".seal-key")}
}

// machine makes the keys of a machine for a seat.
func (o Options) machine(ctx context.Context, seat catalog.Node, port int) (founding.Card, error) {
	if err := vault.NewKeyFile(o.sealKey(seat.ID).File); err != nil {
		return founding.Card{}, err
	}
	return founding.Init(ctx, o.dir(seat.ID), o.sealKey(seat.ID), founding.Card{
		ID: seat.ID, Institution: seat.Institution, Operator: seat.Operator,
		Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), API: "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
	})
}

// open makes the directory of the node at a place what the backup has, and opens it. The last of three or more
// comes with nothing but its keys; the first alone has the blobs, which lie on the disk once for that.
func (o Options) open(ctx context.Context, card founding.Card, machines []catalog.Node, seed consensus.Seed, at int) (*node.Node, error) {
	b := restore.Backup{Roster: o.Roster, Load: o.Load}
	if at == 0 {
		b.Blobs = o.Blobs
	}
	if last := len(machines) - 1; at < last || last < 2 {
		b.Ledger = o.Ledger()
	}
	if err := restore.Shadow(ctx, o.dir(card.ID), o.sealKey(card.ID), card, machines, seed, b); err != nil {
		return nil, fmt.Errorf("restore node %s: %w", card.ID, err)
	}
	if o.Made != nil {
		o.Made(card.ID, o.dir(card.ID))
	}
	return node.Open(node.Options{
		Dir: o.dir(card.ID), SealKeyFile: o.sealKey(card.ID).File, ID: card.ID, Genesis: o.Genesis, Shadow: machines, APIListen: "127.0.0.1:0", Logger: o.Logger,
	})
}

// Size is how many nodes it has.
func (c *Cluster) Size() int { return len(c.nodes) }

// Stands waits until the node at a place has all that the shadow's leader has, and returns how many entries that are,
// their root, and how many datasets it reads in the catalogue.
func (c *Cluster) Stands(ctx context.Context, at int) (size uint64, root catalog.Digest, datasets int, err error) {
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	return c.nodes[at].Stands(ctx)
}

// Recompute adds up what the last attempt of a recorded query opened, from what the first node has on its disk.
func (c *Cluster) Recompute(ctx context.Context, query string, among catalog.KeyRoster) (plan, contexts catalog.Digest, err error) {
	return c.nodes[0].Recompute(ctx, query, among)
}

// Close ends it.
func (c *Cluster) Close() error {
	for _, n := range c.nodes {
		c.closed = errors.Join(c.closed, n.Close())
	}
	c.nodes = nil
	return c.closed
}
