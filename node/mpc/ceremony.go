package mpc

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

// ceremony is this node's secret part of one attempt, kept in memory only: a
// ceremony that is interrupted starts anew.
type ceremony struct {
	dealer   *he.Dealer
	dealings [][]byte       // by point − 1
	seeds    map[int][]byte // pair seeds for points above this node's own
	public   []byte
}

// Ceremonies does a node's part in key ceremonies (PROTOCOL.md section 1). It holds the parts of
// attempts that are under way.
type Ceremonies struct {
	*member
	mu    sync.Mutex
	parts map[string]*ceremony
}

func (cs *Ceremonies) get(session string) *ceremony {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.parts[session]
}

func (cs *Ceremonies) set(session string, p *ceremony) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.parts[session] = p
}

// keep erases every part whose session is over.
func (cs *Ceremonies) keep(running func(session string) bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for s, p := range cs.parts {
		if !running(s) {
			p.erase()
			delete(cs.parts, s)
		}
	}
}

func (p *ceremony) erase() {
	if p.dealer != nil {
		p.dealer.Erase()
	}
	for _, d := range p.dealings {
		vault.Wipe(d)
	}
	for _, s := range p.seeds {
		vault.Wipe(s)
	}
}

// Step does what is left for this node in the key's present state (PROTOCOL.md section 1.2), for
// which the ceremony waits: see Missing.
func (cs *Ceremonies) Step(ctx context.Context, k catalog.Key) error {
	var err error
	switch s, step, _ := k.UnderWay(); {
	case k.Refreshing():
		err = cs.stepRefresh(ctx, k, s)
	case step == catalog.KeyCommitting:
		err = cs.commitKey(ctx, k)
	case step == catalog.KeyDealing:
		err = cs.dealKey(ctx, k)
	case step == catalog.KeyTesting:
		err = cs.testKey(ctx, k)
	case step == catalog.KeySigning:
		err = cs.signKey(ctx, k)
	}
	if errors.Is(err, failure.ErrRestarted) || errors.Is(err, failure.ErrDeviates) || errors.Is(err, failure.ErrNoShare) || errors.Is(err, he.ErrMalformed) {
		s, _, _ := k.UnderWay()
		return errors.Join(err, cs.Ledger.Act(ctx, catalog.KindKeyFail, catalog.KeyFail{Key: k.ID, Attempt: s.Attempt, Reason: failure.OfNode(cs.id, err)}))
	}
	return err
}

// commitKey draws this node's secrets and commits to what follows from them.
func (cs *Ceremonies) commitKey(ctx context.Context, k catalog.Key) error {
	session := SharingSession(k.Made())
	part := cs.get(session)
	if part == nil {
		var err error
		if part, err = cs.drawPart(k); err != nil {
			return err
		}
		cs.set(session, part)
	}
	body := catalog.KeyCommit{Key: k.ID, Attempt: k.Attempt, Public: catalog.Sum(part.public)}
	for _, d := range part.dealings {
		body.Dealings = append(body.Dealings, catalog.Sum(d))
	}
	return cs.Ledger.Act(ctx, catalog.KindKeyCommit, body)
}

func (cs *Ceremonies) drawPart(k catalog.Key) (*ceremony, error) {
	p, err := cs.parameters(k, k.Roster())
	if err != nil {
		return nil, err
	}
	dealer, err := he.NewDealer(p, k.Reference, k.Roster().Point(cs.id))
	if err != nil {
		return nil, fmt.Errorf("draw secrets for key %s: %w", k.ID, err)
	}
	return cs.newPart(k, dealer)
}

// newPart draws pair seeds, and has the dealer deal to all; nil: this node deals nothing.
func (cs *Ceremonies) newPart(k catalog.Key, dealer *he.Dealer) (*ceremony, error) {
	to := k.Target()
	own := to.Point(cs.id) // 0 where this node deals to others alone
	part := &ceremony{dealer: dealer, dealings: make([][]byte, len(to.Nodes)), seeds: map[int][]byte{}}
	if dealer != nil {
		part.public = dealer.PublicShare()
	}
	for i, id := range to.Nodes {
		if dealer != nil {
			d, err := dealer.Dealing(i + 1)
			if err != nil {
				return nil, fmt.Errorf("deal key %s to %s: %w", k.ID, id, err)
			}
			part.dealings[i] = d
		}
		if own > 0 && i+1 > own {
			seed, err := he.NewPairSeed()
			if err != nil {
				return nil, err
			}
			part.seeds[i+1] = seed[:]
		}
	}
	return part, nil
}

// dealKey runs once all commitments are applied: it hands out the dealings and
// the public share, collects everybody else's, and stores the node's key share.
func (cs *Ceremonies) dealKey(ctx context.Context, k catalog.Key) error {
	session := SharingSession(k.Made())
	part := cs.get(session)
	if part == nil {
		return failure.ErrRestarted
	}
	if err := cs.Blobs.Put(ctx, catalog.Sum(part.public), part.public); err != nil {
		return fmt.Errorf("store the public share of key %s: %w", k.ID, err)
	}
	if err := cs.sendDealings(ctx, k, k.Made(), part); err != nil {
		return err
	}
	if _, err := cs.publicKey(ctx, k); err != nil {
		return err
	}
	if err := cs.collectKey(ctx, k, part); err != nil {
		return err
	}
	if err := cs.Blobs.Sync(ctx); err != nil { // of the public shares, before the word is given
		return err
	}
	return cs.Ledger.Act(ctx, catalog.KindKeyAck, catalog.KeyAck{Key: k.ID, Attempt: k.Attempt})
}

// publicKey adds up the public shares, which this node holds then and has checked against the
// commitments.
func (cs *Ceremonies) publicKey(ctx context.Context, k catalog.Key) ([]byte, error) {
	shares := make([][]byte, len(k.Commits))
	for i, c := range k.Commits {
		b, err := cs.Blobs.Load(ctx, c.Public)
		if err != nil {
			return nil, fmt.Errorf("load public share %d of key %s: %w", i+1, k.ID, err)
		}
		shares[i] = b
	}
	p, err := cs.parameters(k, k.Ceremony())
	if err != nil {
		return nil, err
	}
	pk, err := he.CombinePublicShares(p, k.Reference, shares)
	if err != nil {
		return nil, fmt.Errorf("add up public key %s: %w", k.ID, err)
	}
	return pk, nil
}

// sendDealings sends every other node that gets a share its dealing and the seed of the pair.
func (cs *Ceremonies) sendDealings(ctx context.Context, k catalog.Key, s catalog.Sharing, part *ceremony) error {
	g, gctx := errgroup.WithContext(ctx)
	for i, id := range k.Target().Nodes {
		if id == cs.id {
			continue
		}
		g.Go(func() error {
			b := packParts([][]byte{part.dealings[i], part.seeds[i+1]})
			return cs.Peers.Send(gctx, id, Message{SharingSession(s), KindDealing, 0, cs.id}, b)
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("deal key %s: %w", s.Key, err)
	}
	return nil
}

// collectKey waits for every dealing, checks it against its dealer's commitment
// and stores the sum.
func (cs *Ceremonies) collectKey(ctx context.Context, k catalog.Key, part *ceremony) error {
	record := keyRecord{Version: 1, Key: k.ID, Epoch: k.Epoch, Attempt: k.Attempt, Point: k.Roster().Point(cs.id)}
	defer record.wipe()
	p, err := cs.parameters(k, k.Roster())
	if err != nil {
		return err
	}
	dealings, err := cs.collect(ctx, k, k.Made(), k.Nodes, part, &record)
	if err != nil {
		return err
	}
	for i, id := range k.Nodes {
		if err := committed(id, dealings[i], k.Commits[i].Dealings[record.Point-1]); err != nil {
			return err
		}
	}
	if record.Share, err = he.CombineDealings(p, k.Reference, record.Point, dealings); err != nil {
		return fmt.Errorf("combine the dealings of key %s: %w", k.ID, err)
	}
	return cs.storePart(&record)
}

// collect waits for what every other node sends that deals or gets a share, and returns the
// dealings of the dealers, in their order. Pair seeds go into the record.
func (cs *Ceremonies) collect(ctx context.Context, k catalog.Key, s catalog.Sharing, dealers []string, part *ceremony, record *keyRecord) ([][]byte, error) {
	to := k.Target()
	dealings := make([][]byte, len(dealers))
	take := func(from string, dealing []byte) {
		if i := slices.Index(dealers, from); i >= 0 {
			dealings[i] = dealing
		}
	}
	take(cs.id, part.dealings[record.Point-1])
	for _, id := range Senders(k) {
		if id == cs.id {
			continue
		}
		b, err := cs.mailbox.Wait(ctx, Message{SharingSession(s), KindDealing, 0, id})
		if err != nil {
			return nil, err
		}
		parts, err := unpackParts(b, 2)
		if err != nil {
			return nil, fmt.Errorf("dealing of %s: %w", id, err)
		}
		take(id, parts[0])
		point, seed := to.Point(id), parts[1]
		switch {
		case point == 0: // it deals, and gets no share
			continue
		case point > record.Point:
			seed = part.seeds[point]
		}
		record.Pairs = append(record.Pairs, pairSeed{Point: point, Seed: slices.Clone(seed)})
	}
	return dealings, nil
}

// Senders are the nodes that send something to those who get a share in the attempt under way:
// dealings, or seeds of pairs.
func Senders(k catalog.Key) []string {
	from := slices.Clone(k.Target().Nodes)
	if k.Refreshing() {
		for _, point := range k.Refresh.Dealers {
			if id := k.Nodes[point-1]; !slices.Contains(from, id) {
				from = append(from, id)
			}
		}
	}
	return from
}

// committed refuses a dealing that is not the one its dealer committed to.
func committed(dealer string, dealing []byte, want catalog.Digest) error {
	if catalog.Sum(dealing) != want {
		return failure.WithCode(fmt.Errorf("%w: the dealing of %s is not the one it committed to", failure.ErrDeviates, dealer), "node.dealing", dealer)
	}
	return nil
}

// storePart draws the secret of this node's own randomness under a sharing, and stores its part.
func (cs *Ceremonies) storePart(record *keyRecord) error {
	record.Secret = make([]byte, 32)
	rand.Read(record.Secret) // never fails
	return cs.keys.store(*record)
}

// testKey opens the known vector with every test set this node is in.
func (cs *Ceremonies) testKey(ctx context.Context, k catalog.Key) error {
	return cs.test(ctx, k, k.Made(), k.Reference, k.Tested)
}

// test opens a known vector under a sharing of a key with every test set that this node is in
// and that has not opened it. The randomness of the tile is public, and follows from the
// reference.
func (cs *Ceremonies) test(ctx context.Context, k catalog.Key, s catalog.Sharing, reference catalog.Digest, tested []bool) error {
	pk, err := cs.publicKey(ctx, k)
	if err != nil {
		return err
	}
	values := knownVector(cs.Params.Values())
	to := k.Target()
	tile, err := he.KnownTile(cs.Params, pk, reference, values)
	if err != nil {
		return fmt.Errorf("encrypt the known tile of key %s: %w", k.ID, err)
	}
	for set, points := range roster.TestSets(len(to.Nodes), to.Threshold) {
		if !slices.Contains(points, to.Point(cs.id)) || (len(tested) > set && tested[set]) {
			continue
		}
		if err := cs.testSet(ctx, k, s, set, points, tile, values); err != nil {
			return fmt.Errorf("test set %d of key %s: %w", set, k.ID, err)
		}
	}
	return nil
}

// errOther is returned for shares that open another vector than the known one. It is a deviation.
var errOther = fmt.Errorf("%w: not the known vector", failure.ErrDeviates)

// testSet opens the known tile with one set; its root, the set's first member,
// adds up everybody's slots and compares.
func (cs *Ceremonies) testSet(ctx context.Context, k catalog.Key, s catalog.Sharing, set int, points []int, tile []byte, values []int64) error {
	o := opening{
		session: testSession(s, set),
		subject: fmt.Sprintf("test %d of key %s", set, s.Key), key: k, sharing: s, attempt: s.Attempt,
	}
	var ids []string
	for _, p := range points {
		ids = append(ids, k.Target().Nodes[p-1])
	}
	var err error
	if o.active, err = cs.among(k.Target(), ids); err != nil {
		return err
	}
	o.root = o.active[0].ID
	is, err := cs.openKnown(ctx, o, tile, values)
	if err != nil || !is {
		return err
	}
	return cs.Ledger.Act(ctx, catalog.KindKeyTested, catalog.KeyTested{Key: s.Key, Attempt: s.Attempt, Set: set})
}

// openKnown opens a tile of known values with the members of o. The root adds up everybody's
// slots and fails with errOther where they are not the values; is says whether this node is the
// root.
func (n *member) openKnown(ctx context.Context, o opening, tile []byte, values []int64) (is bool, err error) {
	var mine []uint64
	_, err = n.open(ctx, o, accumulators{
		numbers: []int{0},
		fill:    func(_ context.Context, _ int, acc *he.Accumulator) error { return acc.Add(tile) },
		take:    func(_, _ int, slots []uint64) error { mine = slots; return nil },
	})
	if err != nil {
		return false, err
	}
	if o.root != n.id {
		return false, n.Peers.Send(ctx, o.root, Message{o.session, KindSlots, 0, n.id}, packUint64s(mine))
	}
	for _, m := range o.others(n.id) {
		b, err := n.receive(ctx, o, KindSlots, 0, m.ID)
		if err != nil {
			return true, err
		}
		theirs, err := unpackUint64s(b, n.Params.Slots())
		if err != nil {
			return true, fmt.Errorf("add the slots of %s: %w", m.ID, err)
		}
		if err := n.Params.AddMod(mine, theirs); err != nil {
			return true, fmt.Errorf("add the slots of %s: %w", m.ID, err)
		}
	}
	for i, want := range values {
		if got := n.Params.Centre(mine[i]); got != want {
			return true, fmt.Errorf("%w: slot %d of the known vector opens to %d, want %d", errOther, i, got, want)
		}
	}
	return true, nil
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
func (cs *Ceremonies) signKey(ctx context.Context, k catalog.Key) error {
	if _, err := cs.share(k, k.Made()); err != nil {
		return err
	}
	if part := cs.get(SharingSession(k.Made())); part != nil && catalog.Sum(part.public) != k.Commits[k.Roster().Point(cs.id)-1].Public {
		return fmt.Errorf("%w: the ledger has another public share of this node", failure.ErrDeviates)
	}
	statement := attest.ReadyStatement(cs.Cluster, k)
	sig := ed25519.Sign(cs.Signing, append([]byte(attest.ReadyContext), statement...))
	return cs.Ledger.Act(ctx, catalog.KindKeySign, catalog.KeySign{Key: k.ID, Attempt: k.Attempt, Signature: sig})
}

// Missing names the nodes that a ceremony or a refresh waits for.
func Missing(k catalog.Key) (nodes []string) {
	if k.Refreshing() {
		return k.RefreshWaits()
	}
	for i, id := range k.Nodes {
		var done bool
		switch k.State {
		case catalog.KeyCommitting:
			done = i < len(k.Commits) && !k.Commits[i].Public.IsZero()
		case catalog.KeyDealing:
			done = i < len(k.Acked) && k.Acked[i]
		case catalog.KeySigning:
			done = i < len(k.Signed) && len(k.Signed[i]) > 0
		case catalog.KeyTesting:
			done = !slices.Contains(k.Tested, false)
		}
		if !done {
			nodes = append(nodes, id)
		}
	}
	return nodes
}
