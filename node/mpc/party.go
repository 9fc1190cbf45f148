package mpc

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/rollup"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/versions"
)

// Peers are the other members.
type Peers interface {
	// Send sends a message to one of them over its own connection, and to nobody else.
	Send(ctx context.Context, to string, m Message, content []byte) error
}

// Blobs are the node's blobs.
type Blobs interface {
	versions.Blobs
	Put(ctx context.Context, d catalog.Digest, content []byte) error
	// Sum adds tiles up, and tells added of every step.
	Sum(ctx context.Context, t rollup.Tiles, acc *he.Accumulator, added func(tiles int)) error
	// Doubt has what Sum adds up for these tiles read from the tiles alone.
	Doubt(t rollup.Tiles)
}

// Secrets keeps records by name, durable and sealed. Get and Delete return an error that wraps
// vault.ErrNotFound where there is none.
type Secrets interface {
	Get(name string) ([]byte, error)
	Put(name string, b []byte) error
	PutCached(name string, b []byte) error // of what a crash may lose
	Delete(name string) error
	List(prefix string) ([]string, error)
}

// Cores bounds how many goroutines compute at a time.
type Cores interface {
	// Enter takes a place, and waits for one until ctx ends; leave gives it back.
	Enter(ctx context.Context) (leave func(), err error)
}

// Options are what a Party works with. All are needed but the last three.
type Options struct {
	Cluster  catalog.Cluster // with the roster that the node was opened with
	Self     catalog.Node
	Signing  ed25519.PrivateKey
	Params   he.Parameters        // of keys that the present roster makes
	Products he.ProductParameters // of computations on shares, at the newest feature level
	Sealing  string               // what Secrets calls the key that others seal to

	Ledger   versions.Ledger
	Peers    Peers
	Blobs    Blobs
	Secrets  Secrets
	Versions *versions.Store
	Cores    Cores
	Workers  int // cores that an opening uses at most
	Logger   *slog.Logger
	Clock    func() time.Time

	// Agreed fails unless all of these nodes have the entries that this node has applied; nil: it is not asked.
	Agreed func(ctx context.Context, nodes []string) error

	Summed     func(tiles int)                         // is told of every sum that is opened; nil: nobody
	Progressed func(session string, now wire.Progress) // is told of every step of an attempt; nil: nobody
}

// Party is a node's part in all computations.
type Party struct {
	Mailbox    *Mailbox
	Keys       *Keyring
	Attempts   *Attempts
	Ceremonies *Ceremonies
	Vectors    *Vectors
	Moves      *Moves
	Queries    *Queries
}

// member is what all computations of a node use.
type member struct {
	Options
	id       string
	mailbox  *Mailbox
	keys     *Keyring
	attempts *Attempts
}

// New returns the part of a node. Close forgets its keys.
func New(o Options) (*Party, error) {
	n := &member{
		Options: o, id: o.Self.ID,
		mailbox: NewMailbox(), keys: newKeyring(o.Secrets), attempts: newAttempts(o.Progressed),
	}
	vectors, err := newVectors(n)
	if err != nil {
		return nil, err
	}
	kept, err := newKeptShares(o.Secrets, o.Clock)
	if err != nil {
		return nil, err
	}
	return &Party{
		Mailbox: n.mailbox, Keys: n.keys, Attempts: n.attempts, Vectors: vectors,
		Ceremonies: &Ceremonies{member: n, parts: map[string]*ceremony{}},
		Moves:      &Moves{member: n, vectors: vectors, parts: map[string][][]byte{}},
		Queries:    &Queries{member: n, noise: drawer{secrets: o.Secrets}, kept: kept, vectors: vectors},
	}, nil
}

// Keep forgets all that belongs to sessions which running does not name.
func (p *Party) Keep(running func(session string) bool) {
	p.Mailbox.Keep(running)
	p.Ceremonies.keep(running)
	p.Moves.keep(running)
	p.Attempts.Keep(running)
}

// Close forgets the keys.
func (p *Party) Close() { p.Keys.close() }

// session names one computation on shares of an attempt.
func (n *member) session(o opening, purpose string) he.Session {
	return he.Session{Cluster: n.Cluster.ID, Purpose: o.subject + " " + purpose, Attempt: o.attempt, Plan: o.plan, Active: o.points()}
}

// oneChallenge makes sure, by asking each of these nodes itself, that they have the entries from which this
// node computes a challenge. A leader that gave two of them different nonces would else have their
// numbers for two challenges, and with them an equation in the vector.
func (n *member) oneChallenge(ctx context.Context, nodes []string) error {
	if n.Agreed == nil {
		return nil
	}
	if err := n.Agreed(ctx, nodes); err != nil {
		return fmt.Errorf("compare the ledgers before a challenge is answered: %w", err)
	}
	return nil
}

// each runs do for 0..count−1 on as many cores as are allowed.
func (n *member) each(ctx context.Context, count int, do func(i int) error) error {
	return failure.Each(ctx, n.Workers, count, func(ctx context.Context, i int) error {
		leave, err := n.Cores.Enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		return do(i)
	})
}

// sendOthers sends a message to every other member at once.
func (n *member) sendOthers(ctx context.Context, o opening, kind string, batch int, b []byte) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range o.others(n.id) {
		g.Go(func() error { return n.Peers.Send(ctx, m.ID, Message{o.session, kind, batch, n.id}, b) })
	}
	return g.Wait()
}

// receive waits for what a member sends in an attempt.
func (n *member) receive(ctx context.Context, o opening, kind string, batch int, from string) ([]byte, error) {
	return n.mailbox.Wait(ctx, Message{o.session, kind, batch, from})
}
