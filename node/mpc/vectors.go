package mpc

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

const nonceBytes = 32

// Vectors does a node's part in the registration of private vectors (PROTOCOL.md section 6), and
// knows which shares of vectors the vault has.
type Vectors struct {
	*member
	mu     sync.Mutex // one share is stored at a time
	names  []string
	looked time.Time // when those that are no longer needed were last looked for
}

// newVectors lists what the vault has.
func newVectors(n *member) (*Vectors, error) {
	names, err := n.Secrets.List(prefixSecretVector)
	if err != nil {
		return nil, fmt.Errorf("list the shares of vectors: %w", err)
	}
	vs := &Vectors{member: n}
	for _, name := range names {
		vs.names = append(vs.names, strings.TrimPrefix(name, prefixSecretVector))
	}
	return vs, nil
}

// Hold opens and stores this node's share and adds its nonce to the
// challenge, or says why it cannot. Until some node has the sealed share it is tried
// again.
func (vs *Vectors) Hold(ctx context.Context, x catalog.Vector) error {
	hold := catalog.VectorHold{Vector: x.ID}
	nonce, err := vs.store(ctx, x)
	switch refused, is := errors.AsType[*failure.RefusedError](err); {
	case is:
		vs.Logger.WarnContext(ctx, "share of a private vector refused", "vector", x.ID, "reason", refused)
		hold.Reason = refused.Why
	case err != nil:
		return fmt.Errorf("hold the share of vector %s: %w", x.ID, err)
	default:
		hold.Nonce = nonce
	}
	return vs.Ledger.Act(ctx, catalog.KindVectorHold, hold)
}

// store makes this node's share durable, with its nonce: asked again, the node
// gives the same one, so that a commitment has one challenge. The reasons of its
// refuseErrors say nothing of the share.
func (vs *Vectors) store(ctx context.Context, x catalog.Vector) (nonce []byte, err error) {
	if nonce, err := vs.heldNonce(x); err == nil || !errors.Is(err, vault.ErrNotFound) {
		return nonce, err
	}
	point := vectorRoster(x).Point(vs.id) // the vector is of this node: nobody else is asked to hold it
	// It is fetched before anything is locked: a registration whose shares nobody has
	// must not keep those of others waiting.
	sealed, err := vs.Blobs.Load(ctx, x.Shares[point-1])
	if err != nil {
		return nil, err
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if nonce, err := vs.heldNonce(x); err == nil || !errors.Is(err, vault.ErrNotFound) {
		return nonce, err
	}
	if x.Modulus != vs.Products.T() {
		return nil, failure.Refuse("node.vector_modulus", x.Modulus, vs.Products.T())
	}
	private, err := vs.Secrets.Get(vs.Sealing)
	if err != nil {
		return nil, fmt.Errorf("read the node's sealing key: %w", err)
	}
	defer vault.Wipe(private)
	var cluster catalog.Cluster
	if err := vs.Ledger.View(func(v state.View) (err error) { cluster, err = v.ClusterAt(x.Seq); return err }); err != nil {
		return nil, fmt.Errorf("look up the roster that vector %s was sealed to: %w", x.ID, err)
	}
	share, err := seal.Open(private, []byte(seal.VectorInfo), x.AAD(roster.Of(cluster, vectorRoster(x)), x.Owner, point), sealed)
	if err != nil {
		return nil, failure.Refuse("node.vector_sealed")
	}
	defer vault.Wipe(share)
	parsed, err := he.ParseVectorShare(vs.Products, specOf(x, len(x.Nodes), x.Threshold), point, share)
	if err != nil {
		return nil, failure.Refuse("node.vector_share", point)
	}
	parsed.Erase()
	nonce = make([]byte, nonceBytes)
	rand.Read(nonce) // never fails
	record := packParts([][]byte{x.Commitment[:], nonce, share})
	defer vault.Wipe(record)
	if err := vs.Secrets.Put(prefixSecretVector+x.ID, record); err != nil {
		return nil, fmt.Errorf("store the share of vector %s: %w", x.ID, err)
	}
	vs.names = append(vs.names, x.ID) // it was not there
	return nonce, nil
}

// heldNonce is the nonce of a share that this node has stored; vault.ErrNotFound when
// it has not.
func (vs *Vectors) heldNonce(x catalog.Vector) ([]byte, error) {
	nonce, share, err := vs.read(x)
	vault.Wipe(share)
	return nonce, err
}

// read reads what store wrote for the same commitment. The caller wipes the
// share.
func (vs *Vectors) read(x catalog.Vector) (nonce, share []byte, err error) {
	record, err := vs.Secrets.Get(prefixSecretVector + x.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("read the share of vector %s: %w", x.ID, err)
	}
	parts, err := unpackParts(record, 3)
	if err != nil || len(parts[1]) != nonceBytes {
		vault.Wipe(record)
		return nil, nil, fmt.Errorf("%w: the record of vector %s cannot be read", failure.ErrNoShare, x.ID)
	}
	if !bytes.Equal(parts[0], x.Commitment[:]) {
		vault.Wipe(record)
		return nil, nil, failure.Refuse("node.vector_stored", x.ID, x.Commitment)
	}
	return parts[1], parts[2], nil
}

// Line publishes this node's numbers in the first check.
func (vs *Vectors) Line(ctx context.Context, x catalog.Vector) error {
	if err := vs.oneChallenge(ctx, x.Nodes); err != nil {
		return err
	}
	share, err := vs.Share(x)
	if err != nil {
		return err
	}
	defer share.Erase()
	values, err := share.LineValues(challengeOf(x))
	if err != nil {
		return fmt.Errorf("check vector %s: %w", x.ID, err)
	}
	return vs.Ledger.Act(ctx, catalog.KindVectorLine, catalog.VectorLine{Vector: x.ID, Values: values[:]})
}

// challengeOf is the one challenge of a vector's commitment, when all nonces are
// there.
func challengeOf(x catalog.Vector) [32]byte {
	nonces := make([][32]byte, len(x.Nonces))
	for i, nonce := range x.Nonces {
		nonces[i] = [32]byte(nonce) // catalog takes no others
	}
	return he.Challenge(x.Commitment, nonces)
}

// CheckBits does this node's part in the second check: every entry is 0 or 1, and
// nobody is in two pieces.
func (vs *Vectors) CheckBits(ctx context.Context, x catalog.Vector, a catalog.Attempt) error {
	compute := func() (any, error) { return vs.runBits(ctx, x, a) }
	return vs.once(ctx, VectorSession(x.ID, a.Number), catalog.KindVectorBits, compute, func(why catalog.Reason) error {
		return vs.Ledger.Act(ctx, catalog.KindVectorFail, catalog.VectorFail{Vector: x.ID, Attempt: a.Number, Reason: why})
	})
}

func (vs *Vectors) runBits(ctx context.Context, x catalog.Vector, a catalog.Attempt) (any, error) {
	o := opening{session: VectorSession(x.ID, a.Number), subject: "bits of vector " + x.Commitment.String(), plan: x.Commitment, attempt: a.Number}
	var err error
	if o.active, err = vs.among(vectorRoster(x), a.Active); err != nil {
		return nil, err
	}
	share, err := vs.Share(x)
	if err != nil {
		return nil, err
	}
	defer share.Erase()
	limits, err := x.LimitBits()
	if err != nil {
		return nil, err
	}
	if err := vs.attempts.Begin(o.session); err != nil {
		return nil, err
	}
	c, err := he.NewBitCheck(vs.session(o, "bits"), share, challengeOf(x), limits)
	if err != nil {
		return nil, err
	}
	if err := vs.converse(ctx, o, 0, stageMessages, c); err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrHalfway, err)
	}
	values, err := c.Result()
	if err != nil {
		return nil, err
	}
	return catalog.VectorBits{Vector: x.ID, Attempt: a.Number, Values: values[:]}, nil
}

// Gone names those shares that are held here for nothing: of vectors that were dropped or
// rejected, and of moves that failed. They are looked for once in every, between which it has
// none.
func (vs *Vectors) Gone(v state.View, every time.Duration) (gone []string, err error) {
	if !vs.mu.TryLock() {
		return nil, nil // a share is being stored; there will be another look
	}
	defer vs.mu.Unlock()
	now := vs.Clock()
	if now.Sub(vs.looked) < every {
		return nil, nil
	}
	vs.looked = now
	for _, name := range vs.names {
		id, move, err := readVectorName(name)
		if err != nil {
			return nil, err
		}
		x, err := v.Vectors().Get(id)
		if errors.Is(err, records.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if x.State == catalog.VectorDropped || x.State == catalog.VectorRejected || x.Moving == 0 && move != x.InForce().Move {
			gone = append(gone, name)
		}
	}
	return gone, nil
}

// Erase overwrites and deletes a share, by its name.
func (vs *Vectors) Erase(name string) error {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if err := vs.Secrets.Delete(prefixSecretVector + name); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("erase the share of vector %s: %w", name, err)
	}
	vs.names = slices.DeleteFunc(vs.names, func(x string) bool { return x == name })
	return nil
}
