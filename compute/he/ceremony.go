package he

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/mhe"
	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

// Dealer is one node's secret part in a key ceremony, or in a resharing: a
// secret polynomial of degree t−1 over R_Q. It serves one attempt and is erased
// afterwards. Its methods are safe for concurrent use with each other, but not
// with Erase.
type Dealer struct {
	p         Parameters
	reference [32]byte
	point     int
	public    []byte // nil when resharing
	poly      mhe.ShamirPolynomial
	thr       mhe.Thresholdizer
}

// NewDealer draws node point's ternary secret z, its public-key share
// −a·z + e and a polynomial of degree t−1 with constant term z (PROTOCOL.md section
// 1.2, step 2). The reference is a hash of the ledger entry that started the
// attempt; a is expanded from it.
func NewDealer(p Parameters, reference [32]byte, point int) (_ *Dealer, err error) {
	defer guard("draw a dealer's secrets", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.checkPoint(point); err != nil {
		return nil, err
	}
	in := p.in
	s, err := prf.Fresh()
	if err != nil {
		return nil, err
	}
	defer s.Erase()
	w := in.scratch.get()
	defer in.scratch.put(w, w.a, w.b, w.c)

	z := w.a
	in.ternary(s, z)
	in.ntt(z)
	if err := in.reference(w.b, reference); err != nil {
		return nil, err
	}
	rq := in.he.RingQ()
	in.gaussian(s).Read(w.c)
	in.ntt(w.c)
	rq.MForm(w.b, w.b)
	rq.MulCoeffsMontgomeryThenSub(w.b, z, w.c)

	d := &Dealer{p: p, reference: reference, point: point}
	d.public = make([]byte, in.size(kindPublicShare))
	in.putHeader(d.public, kindPublicShare, point, 0, reference)
	in.store(d.public, kindPublicShare, 0, w.c)
	return d, d.share(z)
}

// share draws the polynomial around a secret in NTT form.
func (d *Dealer) share(secret ring.Poly) error {
	d.thr = mhe.NewThresholdizer(d.p.in.he)
	sk := rlwe.NewSecretKey(d.p.in.he)
	sk.Value.Q.Copy(secret)
	defer sk.Value.Q.Zero()
	var err error
	if d.poly, err = d.thr.GenShamirPolynomial(d.p.Threshold(), sk); err != nil {
		return fmt.Errorf("share a secret: %w", err)
	}
	return nil
}

// PublicShare returns the wire form of p_i = −a·z_i + e_i, or nil for a dealer
// that reshares.
func (d *Dealer) PublicShare() []byte { return append([]byte(nil), d.public...) }

// Dealing returns the wire form of the polynomial's value at a point of the
// roster, 1..n: secret, for that node alone. Any other point is refused with
// ErrPoint; at 0 the value would be the secret.
func (d *Dealer) Dealing(point int) (_ []byte, err error) {
	defer guard("deal", &err)
	if err := d.p.checkPoint(point); err != nil {
		return nil, err
	}
	if d.poly.Value == nil {
		return nil, ErrErased
	}
	in := d.p.in
	out := d.thr.AllocateThresholdSecretShare()
	defer out.Q.Zero()
	d.thr.GenShamirSecretShare(mhe.ShamirPublicPoint(point), d.poly, &out)
	b := make([]byte, in.size(kindDealing))
	in.putHeader(b, kindDealing, d.point, point, d.reference)
	in.store(b, kindDealing, 0, out.Q)
	return b, nil
}

// Erase overwrites the secret polynomial.
func (d *Dealer) Erase() {
	for _, c := range d.poly.Value {
		c.Q.Zero()
	}
	d.poly.Value = nil
}

// NewPairSeed draws the seed that a node shares with one other.
func NewPairSeed() (seed [32]byte, err error) { return freshSeed() }

// CombineDealings adds up what all n nodes dealt to the node at point: its key
// share [s]_j. There must be one dealing of every dealer 1..n, of the attempt
// that the reference names, for this point.
func CombineDealings(p Parameters, reference [32]byte, point int, dealings [][]byte) (share []byte, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return combineDealings(p, reference, point, everyPoint(p.Nodes()), dealings)
}

// CombineReshared is CombineDealings for a resharing: the dealers are the old
// roster's active set, and its parts add up to the old secret: the new shares open what
// the old ones did (TestReshareKeepsTheKey).
func CombineReshared(p Parameters, reference [32]byte, point int, active []int, dealings [][]byte) (share []byte, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if len(active) < 2 || !increasing(active, 1, MaxNodes) {
		return nil, fmt.Errorf("combine dealings: %w: %v", ErrActiveSet, active)
	}
	return combineDealings(p, reference, point, active, dealings)
}

func combineDealings(p Parameters, reference [32]byte, point int, dealers []int, dealings [][]byte) (share []byte, err error) {
	defer guard("combine dealings", &err)
	if err := p.checkPoint(point); err != nil {
		return nil, err
	}
	in := p.in
	w := in.scratch.get()
	defer in.scratch.put(w, w.a, w.b)
	if err := in.sum(w.a, w.b, kindDealing, reference, dealers, point, dealings); err != nil {
		return nil, err
	}
	share = make([]byte, in.size(kindKeyShare))
	in.putHeader(share, kindKeyShare, point, 0, reference)
	in.store(share, kindKeyShare, 0, w.a)
	return share, nil
}

// CombinePublicShares adds up the public-key shares of all nodes of the ceremony, one each,
// of the attempt that the reference names: the public key (Σ p_i, a) on the
// wire, a as the reference it is expanded from. A client does the same to check
// a key it is given.
func CombinePublicShares(p Parameters, reference [32]byte, shares [][]byte) (publicKey []byte, err error) {
	defer guard("combine public-key shares", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	in := p.in
	w := in.scratch.get()
	defer in.scratch.put(w, w.a, w.b)
	if err := in.sum(w.a, w.b, kindPublicShare, reference, everyPoint(in.lit.Dealers), 0, shares); err != nil {
		return nil, err
	}
	publicKey = make([]byte, in.size(kindPublicKey))
	in.putHeader(publicKey, kindPublicKey, 0, 0, reference)
	in.store(publicKey, kindPublicKey, 0, w.a)
	return publicKey, nil
}

// sum adds up one piece of every dealer into dst.
func (in *instance) sum(dst, tmp ring.Poly, k kind, reference [32]byte, dealers []int, recipient int, pieces [][]byte) error {
	seen := make(map[int]bool, len(dealers))
	for _, d := range dealers {
		seen[d] = false
	}
	dst.Zero()
	for i, b := range pieces {
		h, err := in.parse(b, k)
		if err != nil {
			return fmt.Errorf("piece %d: %w", i, err)
		}
		had, known := seen[h.first]
		if h.context != reference || h.second != recipient || !known || had {
			return fmt.Errorf("piece %d, of dealer %d for %d: %w", i, h.first, h.second, ErrForeignDealing)
		}
		seen[h.first] = true
		in.load(tmp, b, k, 0)
		in.he.RingQ().Add(dst, tmp, dst)
	}
	for _, d := range dealers {
		if !seen[d] {
			return fmt.Errorf("of dealer %d: %w", d, ErrMissing)
		}
	}
	return nil
}

// reference expands the ceremony's uniform polynomial a, in NTT form.
func (in *instance) reference(dst ring.Poly, reference [32]byte) error {
	s, err := prf.New(reference, labelReference, [32]byte{})
	if err != nil {
		return fmt.Errorf("expand the reference polynomial: %w", err)
	}
	in.uniform(s, dst)
	return nil
}

func everyPoint(n int) []int {
	points := make([]int, n)
	for i := range points {
		points[i] = i + 1
	}
	return points
}

// increasing says whether a list is sorted and without duplicates, and within low..high.
func increasing[T int | int32](list []T, low, high T) bool {
	for i, x := range list {
		if x < low || x > high || i > 0 && x <= list[i-1] {
			return false
		}
	}
	return true
}
