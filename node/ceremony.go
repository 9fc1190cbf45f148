package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/vault"
)

// errRestarted ends a ceremony attempt in which this node had committed before
// it lost its secrets: the next attempt draws everything anew.
var errRestarted = errors.New("the node was restarted in the middle of the ceremony and no longer has what it committed to")

// ceremony is this node's secret part of one attempt, kept in memory only: a
// ceremony that is interrupted starts anew.
type ceremony struct {
	dealer   *he.Dealer
	dealings [][]byte       // by point − 1
	seeds    map[int][]byte // pair seeds for points above this node's own
	public   []byte
}

// ceremonies holds the parts of attempts that are under way.
type ceremonies struct {
	mu    sync.Mutex
	parts map[string]*ceremony
}

func ceremonySession(k catalog.Key) string {
	return fmt.Sprintf("key/%s/%d/%d", k.ID, k.Epoch, k.Attempt)
}

// testSession names the opening of the known vector with one test set.
func testSession(k catalog.Key, set int) string {
	return fmt.Sprintf("%s/test/%d", ceremonySession(k), set)
}

func (c *ceremonies) get(session string) *ceremony {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parts[session]
}

func (c *ceremonies) set(session string, p *ceremony) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts[session] = p
}

// keep erases every part whose session is over.
func (c *ceremonies) keep(running func(session string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s, p := range c.parts {
		if !running(s) {
			p.erase()
			delete(c.parts, s)
		}
	}
}

func (p *ceremony) erase() {
	p.dealer.Erase()
	for _, d := range p.dealings {
		vault.Wipe(d)
	}
	for _, s := range p.seeds {
		vault.Wipe(s)
	}
}

// ceremonyStep does what is left for this node in the key's present state
// (PROTOCOL section 1).
func (n *Node) ceremonyStep(ctx context.Context, k catalog.Key) error {
	var err error
	switch k.State {
	case catalog.KeyCommitting:
		err = n.commitKey(ctx, k)
	case catalog.KeyDealing:
		err = n.dealKey(ctx, k)
	case catalog.KeyTesting:
		err = n.testKey(ctx, k)
	case catalog.KeySigning:
		err = n.signKey(ctx, k)
	}
	if errors.Is(err, errRestarted) || errors.Is(err, errDeviates) || errors.Is(err, he.ErrMalformed) {
		return errors.Join(err, n.act(ctx, catalog.KindKeyFail, catalog.KeyFail{Key: k.ID, Attempt: k.Attempt, Reason: n.id + ": " + err.Error()}))
	}
	return err
}

// commitKey draws this node's secrets and commits to what follows from them.
func (n *Node) commitKey(ctx context.Context, k catalog.Key) error {
	if len(k.Commits) >= n.point && !k.Commits[n.point-1].Public.IsZero() {
		return nil
	}
	session := ceremonySession(k)
	part := n.ceremonies.get(session)
	if part == nil {
		var err error
		if part, err = n.drawPart(k); err != nil {
			return err
		}
		n.ceremonies.set(session, part)
	}
	body := catalog.KeyCommit{Key: k.ID, Attempt: k.Attempt, Public: catalog.Sum(part.public)}
	for _, d := range part.dealings {
		body.Dealings = append(body.Dealings, catalog.Sum(d))
	}
	return n.act(ctx, catalog.KindKeyCommit, body)
}

func (n *Node) drawPart(k catalog.Key) (*ceremony, error) {
	dealer, err := he.NewDealer(n.params, k.Reference, n.point)
	if err != nil {
		return nil, fmt.Errorf("draw secrets for key %s: %w", k.ID, err)
	}
	part := &ceremony{dealer: dealer, public: dealer.PublicShare(), seeds: map[int][]byte{}}
	for _, m := range n.roster {
		d, err := dealer.Dealing(m.Point)
		if err != nil {
			return nil, fmt.Errorf("deal key %s to %s: %w", k.ID, m.ID, err)
		}
		part.dealings = append(part.dealings, d)
		if m.Point > n.point {
			seed, err := he.NewPairSeed()
			if err != nil {
				return nil, err
			}
			part.seeds[m.Point] = seed[:]
		}
	}
	return part, nil
}

// dealKey runs once all commitments are applied: it hands out the dealings and
// the public share, collects everybody else's, and stores the node's key share.
func (n *Node) dealKey(ctx context.Context, k catalog.Key) error {
	if len(k.Acked) >= n.point && k.Acked[n.point-1] {
		return nil
	}
	session := ceremonySession(k)
	part := n.ceremonies.get(session)
	if part == nil {
		return errRestarted
	}
	if err := n.blobs.Put(ctx, catalog.Sum(part.public), part.public); err != nil {
		return fmt.Errorf("store the public share of key %s: %w", k.ID, err)
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, m := range n.roster {
		if m.ID == n.id {
			continue
		}
		g.Go(func() error {
			b := packParts([][]byte{part.dealings[m.Point-1], part.seeds[m.Point]})
			return n.sendParcel(gctx, m.ID, parcel{session, parcelDealing, 0, n.id}, b)
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("deal key %s: %w", k.ID, err)
	}
	if err := n.publicShares(ctx, k); err != nil {
		return err
	}
	if err := n.collectKey(ctx, k, part); err != nil {
		return err
	}
	if err := n.blobs.store.Sync(ctx); err != nil { // of the public shares, before the word is given
		return err
	}
	return n.act(ctx, catalog.KindKeyAck, catalog.KeyAck{Key: k.ID, Attempt: k.Attempt})
}

// publicShares makes sure that this node holds every p_i, checked against the
// commitments.
func (n *Node) publicShares(ctx context.Context, k catalog.Key) error {
	for i, c := range k.Commits {
		if err := n.hold(ctx, c.Public); err != nil {
			return fmt.Errorf("public share %d of key %s: %w", i+1, k.ID, err)
		}
	}
	_, err := n.publicKey(ctx, k)
	return err
}

// publicKey adds up the public shares.
func (n *Node) publicKey(ctx context.Context, k catalog.Key) ([]byte, error) {
	shares := make([][]byte, len(k.Commits))
	for i, c := range k.Commits {
		b, err := n.load(ctx, c.Public)
		if err != nil {
			return nil, fmt.Errorf("public share %d of key %s: %w", i+1, k.ID, err)
		}
		shares[i] = b
	}
	pk, err := he.CombinePublicShares(n.params, k.Reference, shares)
	if err != nil {
		return nil, fmt.Errorf("public key %s: %w", k.ID, err)
	}
	return pk, nil
}

// collectKey waits for every dealing, checks it against its dealer's commitment
// and stores the sum.
func (n *Node) collectKey(ctx context.Context, k catalog.Key, part *ceremony) error {
	record := keyRecord{Version: 1, Key: k.ID, Epoch: k.Epoch, Attempt: k.Attempt, Point: n.point}
	defer record.wipe()
	dealings := make([][]byte, len(n.roster))
	for i, m := range n.roster {
		if m.ID == n.id {
			dealings[i] = part.dealings[i]
			continue
		}
		b, err := n.exchange.wait(ctx, parcel{ceremonySession(k), parcelDealing, 0, m.ID})
		if err != nil {
			return err
		}
		parts, err := unpackParts(b, 2)
		if err != nil {
			return fmt.Errorf("dealing of %s: %w", m.ID, err)
		}
		if want := k.Commits[i].Dealings[n.point-1]; catalog.Sum(parts[0]) != want {
			return fmt.Errorf("%w: the dealing of %s is not the one it committed to", errDeviates, m.ID)
		}
		dealings[i] = parts[0]
		seed := parts[1]
		if m.Point > n.point {
			seed = part.seeds[m.Point]
		}
		record.Pairs = append(record.Pairs, pairSeed{Point: m.Point, Seed: slices.Clone(seed)})
	}
	share, err := he.CombineDealings(n.params, k.Reference, n.point, dealings)
	if err != nil {
		return fmt.Errorf("combine the dealings of key %s: %w", k.ID, err)
	}
	record.Share = share
	record.Secret = make([]byte, 32)
	if _, err := rand.Read(record.Secret); err != nil {
		return fmt.Errorf("draw the secret of key %s: %w", k.ID, err)
	}
	return n.keys.store(record)
}

// testKey opens the known vector with every test set this node is in.
func (n *Node) testKey(ctx context.Context, k catalog.Key) error {
	pk, err := n.publicKey(ctx, k)
	if err != nil {
		return err
	}
	values := knownVector(n.params.Values())
	tile, err := he.KnownTile(n.params, pk, k.Reference, values)
	if err != nil {
		return fmt.Errorf("known tile of key %s: %w", k.ID, err)
	}
	for set, points := range catalog.TestSets(len(n.roster), n.params.Threshold()) {
		if !slices.Contains(points, n.point) || (len(k.Tested) > set && k.Tested[set]) {
			continue
		}
		if err := n.testSet(ctx, k, set, points, tile, values); err != nil {
			return fmt.Errorf("test set %d of key %s: %w", set, k.ID, err)
		}
	}
	return nil
}

// testSet opens the known tile with one set; its root, the set's first member,
// adds up everybody's slots and compares.
func (n *Node) testSet(ctx context.Context, k catalog.Key, set int, points []int, tile []byte, values []int64) error {
	o := opening{
		session: testSession(k, set),
		subject: fmt.Sprintf("test %d of key %s", set, k.ID), key: k, attempt: k.Attempt,
	}
	for _, p := range points {
		o.active = append(o.active, n.roster[p-1])
	}
	o.root = o.active[0].ID
	var mine []uint64
	_, err := n.open(ctx, o, accumulators{
		count: 1,
		fill:  func(_ context.Context, _ int, acc *he.Accumulator) error { return acc.Add(tile) },
		take:  func(_ int, slots []uint64) error { mine = slots; return nil },
	})
	if err != nil {
		return err
	}
	if o.root != n.id {
		return n.sendParcel(ctx, o.root, parcel{o.session, parcelSlots, 0, n.id}, packUint64s(mine))
	}
	for _, m := range o.active[1:] {
		b, err := n.exchange.wait(ctx, parcel{o.session, parcelSlots, 0, m.ID})
		if err != nil {
			return err
		}
		theirs, err := unpackUint64s(b, n.params.Slots())
		if err != nil {
			return fmt.Errorf("slots of %s: %w", m.ID, err)
		}
		if err := n.params.AddMod(mine, theirs); err != nil {
			return fmt.Errorf("slots of %s: %w", m.ID, err)
		}
	}
	for i, want := range values {
		if got := n.params.Centre(mine[i]); got != want {
			return fmt.Errorf("%w: slot %d of the known vector opens to %d, want %d", errDeviates, i, got, want)
		}
	}
	return n.act(ctx, catalog.KindKeyTested, catalog.KeyTested{Key: k.ID, Attempt: k.Attempt, Set: set})
}

// knownVector is what key tests encrypt: every slot another value, both signs.
func knownVector(n int) []int64 {
	v := make([]int64, n)
	for i := range v {
		v[i] = int64(i) * int64(i)
		if i%2 == 1 {
			v[i] = -v[i]
		}
	}
	return v
}

// signKey signs the ready statement, in which this node has checked everything
// that it can: its own share, all public shares, the tests it was in.
func (n *Node) signKey(ctx context.Context, k catalog.Key) error {
	if len(k.Signed) >= n.point && len(k.Signed[n.point-1]) > 0 {
		return nil
	}
	if _, err := n.keys.get(n.params, k); err != nil {
		return err
	}
	statement := catalog.ReadyStatement(n.founding, k)
	if want := k.Commits[n.point-1].Public; n.ceremonies.get(ceremonySession(k)) != nil {
		if got := catalog.Digest(sha256.Sum256(n.ceremonies.get(ceremonySession(k)).public)); got != want {
			return fmt.Errorf("%w: the ledger has another public share of this node", errDeviates)
		}
	}
	sig := ed25519.Sign(n.signing, append([]byte(catalog.ReadyContext), statement...))
	return n.act(ctx, catalog.KindKeySign, catalog.KeySign{Key: k.ID, Attempt: k.Attempt, Signature: sig})
}
