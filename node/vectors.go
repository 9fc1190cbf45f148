package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/vault"
)

// prefixSecretVector begins the names of shares of private vectors in the vault.
const prefixSecretVector = "vector/"

const nonceBytes = 32

func vectorSession(id string, attempt int) string { return fmt.Sprintf("vector/%s/%d", id, attempt) }

func (n *Node) vectorSpec(x catalog.Vector) he.VectorSpec {
	return he.VectorSpec{Nodes: len(n.roster), Threshold: n.params.Threshold(), Entities: x.Entities, Bits: x.Bits}
}

// vectorDuties lists what registrations of private vectors ask of this node
// (PROTOCOL section 6): to hold its share, then to publish its line, then its part in
// the check of the bits.
func (n *Node) vectorDuties(v catalog.View) (list []duty, err error) {
	pending, err := v.PendingVectors()
	if err != nil {
		return nil, err
	}
	for _, x := range pending {
		at := slices.Index(x.Nodes, n.id)
		if at < 0 {
			continue
		}
		switch {
		case x.State == catalog.VectorStoring && x.Nonces[at] == nil:
			list = append(list, duty{name: "vector/" + x.ID + "/hold", run: func(ctx context.Context) error { return n.holdVector(ctx, x) }})
		case x.State == catalog.VectorLining && x.Lines[at] == nil:
			list = append(list, duty{name: "vector/" + x.ID + "/line", run: func(ctx context.Context) error { return n.lineVector(ctx, x) }})
		case x.State == catalog.VectorProving:
			list = append(list, n.bitsDuty(x)...)
		}
	}
	gone, err := n.goneVectors(v)
	if err != nil {
		return nil, err
	}
	for _, id := range gone {
		list = append(list, duty{name: "vector/" + id + "/erase", run: func(context.Context) error { return n.eraseVector(id) }})
	}
	return list, nil
}

// bitsDuty is this node's part in the attempt of the second check that is under way.
func (n *Node) bitsDuty(x catalog.Vector) []duty {
	a, member := running(x.Attempts, n.id)
	if at := slices.Index(a.Active, n.id); !member || at < len(x.Checks) && x.Checks[at] != nil {
		return nil
	}
	session := vectorSession(x.ID, a.Number)
	d := duty{name: session, session: session, run: func(ctx context.Context) error { return n.checkBits(ctx, x, a) }}
	return []duty{n.unless(d, catalog.KindVectorFail, catalog.VectorFail{Vector: x.ID, Attempt: a.Number, Reason: n.id + " " + startedAnew})}
}

// holdVector opens and stores this node's share and adds its nonce to the
// challenge, or says why it cannot. Until some node has the sealed share it is tried
// again.
func (n *Node) holdVector(ctx context.Context, x catalog.Vector) error {
	hold := catalog.VectorHold{Vector: x.ID}
	nonce, err := n.storeVector(ctx, x)
	var refuse *refuseError
	switch {
	case errors.As(err, &refuse):
		n.log.WarnContext(ctx, "share of a private vector refused", "vector", x.ID, "reason", refuse.reason)
		hold.Reason = refuse.reason
	case err != nil:
		return fmt.Errorf("hold the share of vector %s: %w", x.ID, err)
	default:
		hold.Nonce = nonce
	}
	return n.act(ctx, catalog.KindVectorHold, hold)
}

// storeVector makes this node's share durable, with its nonce: asked again, the node
// gives the same one, so that a commitment has one challenge. The reasons of its
// refuseErrors say nothing of the share.
func (n *Node) storeVector(ctx context.Context, x catalog.Vector) (nonce []byte, err error) {
	if nonce, err := n.heldNonce(x.ID); err == nil || !errors.Is(err, vault.ErrNotFound) {
		return nonce, err
	}
	// It is fetched before anything is locked: a registration whose shares nobody has
	// must not keep those of others waiting.
	sealed, err := n.load(ctx, x.Shares[n.point-1])
	if err != nil {
		return nil, err
	}
	n.vectors.mu.Lock()
	defer n.vectors.mu.Unlock()
	if nonce, err := n.heldNonce(x.ID); err == nil || !errors.Is(err, vault.ErrNotFound) {
		return nonce, err
	}
	if x.Modulus != n.products.T() {
		return nil, refusef("the vector is shared modulo %d, this cluster works modulo %d", x.Modulus, n.products.T())
	}
	private, err := n.vault.Get(secretSealing)
	if err != nil {
		return nil, fmt.Errorf("read the node's sealing key: %w", err)
	}
	defer vault.Wipe(private)
	share, err := seal.OpenVectorShare(private, x.AAD(n.founding, x.Owner, n.point), sealed)
	if err != nil {
		return nil, refusef("its sealed share does not open here: it was sealed to another key, or for something else than this registration")
	}
	defer vault.Wipe(share)
	parsed, err := he.ParseVectorShare(n.products, n.vectorSpec(x), n.point, share)
	if err != nil {
		return nil, refusef("its share is not one of this vector for point %d", n.point)
	}
	parsed.Erase()
	nonce = make([]byte, nonceBytes)
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	record := packParts([][]byte{nonce, share})
	defer vault.Wipe(record)
	if err := n.vault.Put(prefixSecretVector+x.ID, record); err != nil {
		return nil, fmt.Errorf("store the share of vector %s: %w", x.ID, err)
	}
	n.vectors.note(x.ID)
	return nonce, nil
}

// heldNonce is the nonce of a share that this node has stored; vault.ErrNotFound when
// it has not.
func (n *Node) heldNonce(id string) ([]byte, error) {
	nonce, share, err := n.readVector(id)
	vault.Wipe(share)
	return nonce, err
}

// readVector reads what storeVector wrote. The caller wipes the share.
func (n *Node) readVector(id string) (nonce, share []byte, err error) {
	record, err := n.vault.Get(prefixSecretVector + id)
	if err != nil {
		return nil, nil, fmt.Errorf("read the share of vector %s: %w", id, err)
	}
	parts, err := unpackParts(record, 2)
	if err != nil || len(parts[0]) != nonceBytes {
		vault.Wipe(record)
		return nil, nil, fmt.Errorf("%w: the record of vector %s cannot be read", errNoShare, id)
	}
	return parts[0], parts[1], nil
}

// vectorShare reads this node's share of a vector. The caller erases it.
func (n *Node) vectorShare(x catalog.Vector) (*he.VectorShare, error) {
	_, share, err := n.readVector(x.ID)
	if errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrSealed) {
		return nil, fmt.Errorf("%w: vector %s: %w", errNoShare, x.ID, err)
	}
	if err != nil {
		return nil, err
	}
	defer vault.Wipe(share)
	parsed, err := he.ParseVectorShare(n.products, n.vectorSpec(x), n.point, share)
	if err != nil {
		return nil, fmt.Errorf("%w: vector %s: %w", errNoShare, x.ID, err)
	}
	return parsed, nil
}

// lineVector publishes this node's numbers in the first check.
func (n *Node) lineVector(ctx context.Context, x catalog.Vector) error {
	share, err := n.vectorShare(x)
	if err != nil {
		return err
	}
	defer share.Erase()
	values, err := share.LineValues(challengeOf(x))
	if err != nil {
		return fmt.Errorf("check vector %s: %w", x.ID, err)
	}
	return n.act(ctx, catalog.KindVectorLine, catalog.VectorLine{Vector: x.ID, Values: values[:]})
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

// checkBits does this node's part in the second check: every entry is 0 or 1.
func (n *Node) checkBits(ctx context.Context, x catalog.Vector, a catalog.Attempt) error {
	err := n.once(ctx, vectorSession(x.ID, a.Number), catalog.KindVectorBits, func() (any, error) { return n.runBits(ctx, x, a) })
	if err != nil && ends(err) {
		body := catalog.VectorFail{Vector: x.ID, Attempt: a.Number, Reason: n.id + ": " + err.Error()}
		return errors.Join(err, n.act(ctx, catalog.KindVectorFail, body))
	}
	return err
}

func (n *Node) runBits(ctx context.Context, x catalog.Vector, a catalog.Attempt) (any, error) {
	o := opening{session: vectorSession(x.ID, a.Number), subject: "bits of vector " + x.Commitment.String(), plan: x.Commitment, attempt: a.Number}
	var err error
	if o.active, err = n.members(a.Active); err != nil {
		return nil, err
	}
	share, err := n.vectorShare(x)
	if err != nil {
		return nil, err
	}
	defer share.Erase()
	if err := n.outcomes.begin(o.session); err != nil {
		return nil, err
	}
	c, err := he.NewBitCheck(n.session(o, "bits"), share, challengeOf(x))
	if err != nil {
		return nil, err
	}
	if err := n.converse(ctx, o, 0, c); err != nil {
		return nil, fmt.Errorf("%w: %w", errHalfway, err)
	}
	values, err := c.Result()
	if err != nil {
		return nil, err
	}
	return catalog.VectorBits{Vector: x.ID, Attempt: a.Number, Values: values[:]}, nil
}

// session names one computation on shares of an attempt.
func (n *Node) session(o opening, purpose string) he.Session {
	return he.Session{Cluster: n.cluster, Purpose: o.subject + " " + purpose, Attempt: o.attempt, Plan: o.plan, Active: o.points()}
}

// stuck ends a registration that does not get on although all nodes are up, or
// returns nil: its sealed shares may be nowhere. One that waits for a node that is
// down waits as long as its owner likes, who may drop it.
func (n *Node) stuck(x catalog.Vector, seen map[string]bool) *duty {
	var missing []string
	for i, id := range x.Nodes {
		if x.State == catalog.VectorStoring && x.Nonces[i] == nil || x.State == catalog.VectorLining && x.Lines[i] == nil {
			missing = append(missing, id)
		}
	}
	if len(n.health.dead(x.Nodes)) > 0 {
		return nil
	}
	name := fmt.Sprintf("vector/%s/%s/%d", x.ID, x.State, len(missing))
	seen[name] = true
	if n.leader.since(name, n.opts.Clock()) <= n.opts.attemptTime() {
		return nil
	}
	lacks := "have not got their sealed shares, which no node has, or could not store them"
	if x.State == catalog.VectorLining {
		lacks = "have not sent their numbers for the first check"
	}
	d := n.decide(name, catalog.KindVectorFail, catalog.VectorFail{
		Vector: x.ID, Reason: fmt.Sprintf("no progress for %s: %s %s; register anew", n.opts.attemptTime(), strings.Join(missing, ", "), lacks),
	})
	return &d
}

// leadVectors names attempts of the second check and ends those that cannot
// complete, and registrations that do not get on.
func (n *Node) leadVectors(v catalog.View, seen map[string]bool) (list []duty, err error) {
	pending, err := v.PendingVectors()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, x := range pending {
		if x.State != catalog.VectorProving {
			if d := n.stuck(x, seen); d != nil {
				list = append(list, *d)
			}
			continue
		}
		if a, under := underWay(x.Attempts); under {
			session := vectorSession(x.ID, a.Number)
			if reason := n.overdue(session, a, seen); reason != "" {
				list = append(list, n.decide(session, catalog.KindVectorFail, catalog.VectorFail{Vector: x.ID, Attempt: a.Number, Reason: reason}))
			}
			continue
		}
		active, _, err := n.choose(x.Nodes, x.Attempts)
		if err != nil {
			errs = append(errs, fmt.Errorf("choose who checks vector %s: %w", x.ID, err))
		}
		if active != nil {
			number := len(x.Attempts) + 1
			list = append(list, n.decide(vectorSession(x.ID, number), catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: x.ID, Attempt: number, Active: active}))
		}
	}
	return list, errors.Join(errs...)
}

// heldVectors knows which shares of vectors the vault has.
type heldVectors struct {
	mu     sync.Mutex // one share is stored at a time
	ids    []string
	looked time.Time // when those that are no longer needed were last looked for
}

// note adds an id. mu is held.
func (h *heldVectors) note(id string) {
	if !slices.Contains(h.ids, id) {
		h.ids = append(h.ids, id)
	}
}

// openVectors lists what the vault has.
func (n *Node) openVectors() error {
	names, err := n.vault.List(prefixSecretVector)
	if err != nil {
		return fmt.Errorf("list the shares of vectors: %w", err)
	}
	for _, name := range names {
		n.vectors.ids = append(n.vectors.ids, strings.TrimPrefix(name, prefixSecretVector))
	}
	return nil
}

// eraseEvery is how many ticks pass between two looks for shares that are no longer
// needed.
const eraseEvery = 10

// goneVectors are those whose share is held here for nothing: dropped, or rejected.
func (n *Node) goneVectors(v catalog.View) (gone []string, err error) {
	h := &n.vectors
	if !h.mu.TryLock() {
		return nil, nil // a share is being stored; there will be another look
	}
	defer h.mu.Unlock()
	now := n.opts.Clock()
	if now.Sub(h.looked) < eraseEvery*n.opts.Tick {
		return nil, nil
	}
	h.looked = now
	for _, id := range h.ids {
		x, err := v.Vector(id)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return nil, err
		}
		if err == nil && (x.State == catalog.VectorDropped || x.State == catalog.VectorRejected) {
			gone = append(gone, id)
		}
	}
	return gone, nil
}

// eraseVector overwrites and deletes a share.
func (n *Node) eraseVector(id string) error {
	h := &n.vectors
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := n.vault.Delete(prefixSecretVector + id); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("erase the share of vector %s: %w", id, err)
	}
	h.ids = slices.DeleteFunc(h.ids, func(x string) bool { return x == id })
	return nil
}
