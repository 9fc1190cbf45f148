package he

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/mhe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"

	"github.com/weirdata/weir/compute/he/prf"
)

// NodeKey is what one node holds of one key in one epoch: its Shamir share, a
// seed with every other node, and a secret of its own. It is safe for
// concurrent use.
type NodeKey struct {
	p         Parameters
	point     int
	reference [32]byte // of the ceremony or resharing that made the share

	mu     sync.RWMutex // held for reading during a computation, for writing by Erase
	share  mhe.ShamirSecretShare
	pairs  map[int][32]byte
	secret [32]byte
	erased bool

	setMu    sync.Mutex // guards combiner, which has buffers, and weighted
	combiner mhe.Combiner
	weighted map[string]ring.Poly // s_i by active set, NTT and Montgomery form, read-only

	// Switches for tests, which show what the remedies are for.
	unmasked  bool // leave out Z
	unsmudged bool // as the root, leave out e_r
}

// NewNodeKey checks a key share, as CombineDealings returned it, against its
// point. pairs has a 32-byte seed for every other point of the roster, the same
// at both ends; secret is drawn once and kept by this node alone.
func NewNodeKey(p Parameters, point int, share []byte, pairs map[int][32]byte, secret [32]byte) (_ *NodeKey, err error) {
	defer guard("load a node key", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.checkPoint(point); err != nil {
		return nil, err
	}
	in := p.in
	h, err := in.parse(share, kindKeyShare)
	if err != nil {
		return nil, err
	}
	if h.first != point {
		return nil, fmt.Errorf("%w: share of point %d at %d", ErrPoint, h.first, point)
	}
	points := everyPoint(p.Nodes())
	for _, j := range points {
		if seed, ok := pairs[j]; j != point && (!ok || seed == [32]byte{}) {
			return nil, fmt.Errorf("seed shared with point %d: %w", j, ErrMissing)
		}
	}
	if len(pairs) != p.Nodes()-1 {
		return nil, fmt.Errorf("%w: %d pair seeds for %d other nodes", ErrPoint, len(pairs), p.Nodes()-1)
	}
	if secret == [32]byte{} {
		return nil, fmt.Errorf("node's own secret: %w", ErrMissing)
	}
	k := &NodeKey{p: p, point: point, reference: h.context, pairs: maps.Clone(pairs), secret: secret}
	k.share.Poly = ringqp.Poly{Q: in.newPoly()}
	in.load(k.share.Q, share, kindKeyShare, 0)
	in.he.RingQ().MForm(k.share.Q, k.share.Q)
	all := make([]mhe.ShamirPublicPoint, len(points))
	for i, x := range points {
		all[i] = mhe.ShamirPublicPoint(x)
	}
	k.combiner = mhe.NewCombiner(in.he.Parameters.Parameters, mhe.ShamirPublicPoint(point), all, p.Threshold())
	k.weighted = map[string]ring.Poly{}
	return k, nil
}

// Erase overwrites the secrets. Calls in progress finish first, later ones fail
// with ErrErased.
func (k *NodeKey) Erase() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.erased = true
	k.share.Q.Zero()
	clear(k.secret[:])
	for j := range k.pairs {
		k.pairs[j] = [32]byte{}
	}
	clear(k.pairs)
	k.setMu.Lock()
	defer k.setMu.Unlock()
	k.forgetSets()
}

// forgetSets overwrites the weighted shares. Nobody may be using them.
func (k *NodeKey) forgetSets() {
	for _, s := range k.weighted {
		s.Zero()
	}
	clear(k.weighted)
}

// maxSets bounds the weighted shares that are kept: more active sets than a
// roster of seven has for one member.
const maxSets = 20

// additive returns s_i = λ_i·[s]_i in NTT and Montgomery form, not to be changed.
// active has been checked: sorted, distinct, exactly t, this node among them. The
// caller holds mu for reading.
func (k *NodeKey) additive(active []int) (ring.Poly, error) {
	k.setMu.Lock()
	defer k.setMu.Unlock()
	name := make([]byte, len(active))
	points := make([]mhe.ShamirPublicPoint, len(active))
	for i, x := range active {
		name[i], points[i] = byte(x), mhe.ShamirPublicPoint(x) // at most MaxNodes
	}
	if s, ok := k.weighted[string(name)]; ok {
		return s, nil
	}
	s := k.p.in.newPoly()
	sk := &rlwe.SecretKey{Value: ringqp.Poly{Q: s}}
	if err := k.combiner.GenAdditiveShare(points, mhe.ShamirPublicPoint(k.point), k.share, sk); err != nil {
		return ring.Poly{}, fmt.Errorf("weight the key share: %w", err)
	}
	if len(k.weighted) < maxSets {
		k.weighted[string(name)] = s
	}
	return s, nil
}

// begin checks an opening against this node and its own accumulator, and
// returns the accumulator's value. The caller holds mu for reading.
func (k *NodeKey) begin(o Opening, acc *Accumulator, asRoot bool) (*sealedSum, error) {
	if k.erased {
		return nil, ErrErased
	}
	if err := o.Check(k.p); err != nil {
		return nil, err
	}
	if !slices.Contains(o.Active, k.point) {
		return nil, fmt.Errorf("%w: point %d is not in %v", ErrNotActive, k.point, o.Active)
	}
	if asRoot != (k.point == o.Root) {
		return nil, fmt.Errorf("%w: point %d, and the root is %d", ErrNotActive, k.point, o.Root)
	}
	sum, err := acc.seal()
	if err != nil {
		return nil, err
	}
	if acc.in.n != k.p.in.n || !slices.Equal(acc.in.lit.Q, k.p.in.lit.Q) || sum.digest != o.Accumulator {
		return nil, fmt.Errorf("%w: computed %x", ErrAccumulator, sum.digest[:8])
	}
	return sum, nil
}

// context is the opening's, bound to the ceremony that made the share: the share
// of another key is refused even where somebody mixed the names up.
func (k *NodeKey) context(o Opening) [32]byte {
	ctx := o.Context()
	return sha256.Sum256(append(ctx[:], k.reference[:]...))
}

// Contribute computes a member's part in an opening, the root excepted: the
// contribution d_i, which goes to the root alone and to nobody else ever, and
// the node's own share of the plaintext, one number mod T a slot, its parity
// slot included.
//
//	d_i = c1·s_i + e_i − T^-1·M_i + Σ_{j>i} Z_ij − Σ_{j<i} Z_ji,  j ∈ A∖{r}
//
// acc is the accumulator this node computed itself; it must be the one that the
// opening names. The same opening gives the same bytes again.
func (k *NodeKey) Contribute(o Opening, acc *Accumulator) (d []byte, slots []uint64, err error) {
	defer guard("contribute to an opening", &err)
	k.mu.RLock()
	defer k.mu.RUnlock()
	sum, err := k.begin(o, acc, false)
	if err != nil {
		return nil, nil, err
	}
	in, ctx := k.p.in, k.context(o)
	w := in.scratch.get()
	defer in.scratch.put(w, w.a)

	slots = make([]uint64, in.n)
	if err := k.blind(w, slots, ctx); err != nil { // w.a = e_i − T^-1·M_i
		return nil, nil, err
	}
	share, err := k.additive(o.Active)
	if err != nil {
		return nil, nil, err
	}
	if err := k.mask(w.a, w.b, o, ctx); err != nil {
		return nil, nil, err
	}
	d = make([]byte, in.size(kindContribution))
	in.putHeader(d, kindContribution, k.point, o.Root, ctx)
	in.addProduct(d, kindContribution, w.a, sum.bytes, kindSum, 1, share)
	return d, slots, nil
}

// blind draws M_i in slot form, and writes e_i − T^-1·M_i in NTT form,
// below 6q, to w.a.
func (k *NodeKey) blind(w *workspace, slots []uint64, ctx [32]byte) error {
	in := k.p.in
	m, err := prf.New(k.secret, labelShare, ctx)
	if err != nil {
		return err
	}
	defer m.Erase()
	m.Uniform(slots, in.t.Modulus)
	in.fromSlots(w.m, slots)
	if err := k.smudge(w.a, w.m, ctx); err != nil {
		return err
	}
	in.nttLazy(w.a)
	return nil
}

// smudge writes e_i − T^-1·m to dst, in coefficients.
func (k *NodeKey) smudge(dst ring.Poly, m []uint64, ctx [32]byte) error {
	s, err := prf.New(k.secret, labelSmudge, ctx)
	if err != nil {
		return err
	}
	defer s.Erase()
	k.p.in.smudge(s, dst, m)
	return nil
}

// mask adds the pairwise masks to d, which stays below 6q: they cancel in the sum over A∖{r}, and
// without all of them a contribution says nothing. tmp is zero afterwards.
func (k *NodeKey) mask(d, tmp ring.Poly, o Opening, ctx [32]byte) error {
	if k.unmasked {
		return nil
	}
	in := k.p.in
	for _, j := range o.Active {
		if j == k.point || j == o.Root {
			continue
		}
		s, err := prf.New(k.pairs[j], labelPair, ctx)
		if err != nil {
			return err
		}
		in.uniform(s, tmp)
		s.Erase()
		in.addMask(d, tmp, j < k.point)
		tmp.Zero()
	}
	return nil
}

// Combine computes the root's part: from the contributions of the other
// members, keyed by point, its own share of the plaintext. There must be exactly
// one of each, made for this opening; another one is refused with
// ErrForeignShare. The root adds smudging of its own, so that its share follows from plaintext and
// masks whatever the others send.
func (k *NodeKey) Combine(o Opening, acc *Accumulator, ds map[int][]byte) (slots []uint64, err error) {
	defer guard("combine an opening", &err)
	k.mu.RLock()
	defer k.mu.RUnlock()
	sum, err := k.begin(o, acc, true)
	if err != nil {
		return nil, err
	}
	w := k.p.in.scratch.get()
	defer k.p.in.scratch.put(w, w.a, w.b)
	if err := k.phase(w, o, sum, ds); err != nil {
		return nil, err
	}
	if err := k.smudgePhase(w, k.context(o)); err != nil {
		return nil, err
	}
	slots = make([]uint64, k.p.in.n)
	k.p.in.plaintext(w.m, w.a)
	k.p.in.toSlots(slots, w.m)
	return slots, nil
}

// smudgePhase adds e_r to a phase in w.a, in coefficients. Contributions may be of whatever size their
// senders like: without e_r they would put the phase where the reduction mod Q tells them its noise,
// bit by bit, and with it the key.
func (k *NodeKey) smudgePhase(w *workspace, ctx [32]byte) error {
	if k.unsmudged {
		return nil
	}
	if err := k.smudge(w.b, w.m, ctx); err != nil { // m is zero
		return err
	}
	k.p.in.he.RingQ().Add(w.a, w.b, w.a)
	return nil
}

// phase writes c0 + c1·s_r + Σ d_i in coefficients to w.a.
func (k *NodeKey) phase(w *workspace, o Opening, sum *sealedSum, ds map[int][]byte) error {
	in, ctx := k.p.in, k.context(o)
	share, err := k.additive(o.Active)
	if err != nil {
		return err
	}
	in.linear(w.a, sum.bytes, share)
	if len(ds) > len(o.Active)-1 {
		return fmt.Errorf("%w: %d contributions for %d members besides the root", ErrForeignShare, len(ds), len(o.Active)-1)
	}
	for _, i := range o.Active {
		if i == o.Root {
			continue
		}
		b, ok := ds[i]
		if !ok {
			return fmt.Errorf("contribution of point %d: %w", i, ErrMissing)
		}
		h, err := in.parse(b, kindContribution)
		if err != nil {
			return fmt.Errorf("contribution of point %d: %w", i, err)
		}
		if h.first != i || h.second != o.Root || h.context != ctx {
			return fmt.Errorf("contribution of point %d: %w", i, ErrForeignShare)
		}
		in.addWire(w.a, b, kindContribution)
	}
	in.intt(w.a)
	return nil
}

// Reshare makes this node a dealer of its part s_i = λ_i·[s]_i of the key to a
// new roster (PROTOCOL.md section 1.5). next are the new epoch's parameters: the same
// ring, and Dealers as in this one's; active is the old roster's active set;
// the reference is a hash of the ledger entry that started the resharing.
func (k *NodeKey) Reshare(next Parameters, reference [32]byte, active []int) (_ *Dealer, err error) {
	defer guard("reshare", &err)
	k.mu.RLock()
	defer k.mu.RUnlock()
	if err := next.check(); err != nil {
		return nil, err
	}
	if k.erased {
		return nil, ErrErased
	}
	if err := (Opening{Active: active, Root: k.point}).Check(k.p); err != nil {
		return nil, err
	}
	old, lit := k.p.in.lit, next.in.lit
	if lit.LogN != old.LogN || lit.T != old.T || !slices.Equal(lit.Q, old.Q) || lit.Dealers != old.Dealers {
		return nil, fmt.Errorf("%w: the new epoch changes ring, modulus or dealers", ErrParameters)
	}
	in := k.p.in
	w := in.scratch.get()
	defer in.scratch.put(w, w.a)
	share, err := k.additive(active)
	if err != nil {
		return nil, err
	}
	in.he.RingQ().IMForm(share, w.a)
	d := &Dealer{p: next, reference: reference, point: k.point}
	return d, d.share(w.a)
}
