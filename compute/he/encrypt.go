package he

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

// Encryptor encrypts tiles under a public key, each with fresh randomness. It
// holds no secret. An Encryptor is not safe for concurrent use; its ShallowCopy
// is independent of it.
type Encryptor struct {
	p        Parameters
	key      [2]ring.Poly // Σp_i and a, NTT and Montgomery form, shared by copies
	u, e0, e ring.Poly
	m, slots []uint64
}

// NewEncryptor checks a public key and expands it.
func NewEncryptor(p Parameters, publicKey []byte) (_ *Encryptor, err error) {
	defer guard("make an encryptor", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	in := p.in
	h, err := in.parse(publicKey, kindPublicKey)
	if err != nil {
		return nil, err
	}
	e := &Encryptor{p: p, key: [2]ring.Poly{in.newPoly(), in.newPoly()}}
	in.load(e.key[0], publicKey, kindPublicKey, 0)
	if err := in.reference(e.key[1], h.context); err != nil {
		return nil, err
	}
	for i := range e.key {
		in.he.RingQ().MForm(e.key[i], e.key[i])
	}
	return e.ShallowCopy(), nil
}

// ShallowCopy returns an encryptor under the same key with its own buffers.
func (e *Encryptor) ShallowCopy() *Encryptor {
	in := e.p.in
	return &Encryptor{
		p: e.p, key: e.key, u: in.newPoly(), e0: in.newPoly(), e: in.newPoly(),
		m: make([]uint64, in.n), slots: make([]uint64, in.n),
	}
}

// Encrypt encodes up to Values values, each within ±(T−1)/2, and their parity,
// and writes a tile to dst, which has exactly TileBytes bytes, or PackedTileBytes
// for a packed one. Slots without a value hold 0.
func (e *Encryptor) Encrypt(values []int64, dst []byte) (err error) {
	defer guard("encrypt", &err)
	s, err := prf.Fresh()
	if err != nil {
		return err
	}
	defer s.Erase()
	return e.encrypt(values, dst, s, true)
}

// encrypt writes (u·p + e0 + T^-1·m, u·a + e1), without the errors unless noisy.
// The randomness comes from the stream: u, then e0, then e1.
func (e *Encryptor) encrypt(values []int64, dst []byte, s *prf.Stream, noisy bool) error {
	in := e.p.in
	k := kindTile
	switch len(dst) {
	case in.size(kindTile):
	case in.size(kindPackedTile):
		k = kindPackedTile
	default:
		return fmt.Errorf("%w: a tile has %d bytes, packed %d, not %d", ErrMalformed, in.size(kindTile), in.size(kindPackedTile), len(dst))
	}
	if err := in.encode(e.m, e.slots, values); err != nil {
		return err
	}
	in.ternary(s, e.u)
	in.ntt(e.u)
	rq := in.he.RingQ()

	e.e0.Zero()
	sampler := in.gaussian(s)
	if noisy {
		sampler.Read(e.e0)
	}
	in.addScaled(e.e0, e.m)
	in.ntt(e.e0)
	rq.MulCoeffsMontgomeryThenAdd(e.u, e.key[0], e.e0)

	e.e.Zero()
	if noisy {
		sampler.Read(e.e)
		in.ntt(e.e)
	}
	rq.MulCoeffsMontgomeryThenAdd(e.u, e.key[1], e.e)

	in.putHeader(dst, k, 1, 0, [contextSize]byte{})
	in.store(dst, k, 0, e.e0)
	in.store(dst, k, 1, e.e)
	return nil
}

// encode turns values and their parity into a polynomial over R_T.
func (in *instance) encode(m, slots []uint64, values []int64) error {
	if len(values) > in.n-1 {
		return fmt.Errorf("%w: %d of at most %d", ErrValues, len(values), in.n-1)
	}
	t := in.t.Modulus
	half := int64(t / 2)
	clear(slots)
	for i, v := range values {
		if v > half || v < -half {
			return fmt.Errorf("%w: value %d exceeds ±%d", ErrValues, i, half)
		}
		slots[i] = uint64(v) + t&uint64(v>>63)
	}
	slots[in.n-1] = in.weighted(slots[:in.n-1])
	in.fromSlots(m, slots)
	return nil
}

// KnownTile returns a tile whose randomness is public: u from the seed, no
// error. All nodes build the same bytes, and open them to test a new key
// (PROTOCOL.md section 1.2, step 5). It protects nothing.
func KnownTile(p Parameters, publicKey []byte, seed [32]byte, values []int64) (_ []byte, err error) {
	defer guard("build a known tile", &err)
	e, err := NewEncryptor(p, publicKey)
	if err != nil {
		return nil, err
	}
	s, err := prf.New(seed, labelKnown, [32]byte{})
	if err != nil {
		return nil, err
	}
	tile := make([]byte, p.in.size(kindTile))
	return tile, e.encrypt(values, tile, s, false)
}
