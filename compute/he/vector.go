package he

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

const (
	// CheckRuns is how often each check of a private vector is run, with
	// independent expansions of the challenge. One run misses a bad vector with
	// probability 1/T.
	CheckRuns = 2
	// MaxVectorBits bounds the bits of a private weight.
	MaxVectorBits = 32

	vectorHeader = 24
)

// VectorSpec says what a private vector looks like: a selector has one bit an
// entity, a vector of weights as many as its largest weight needs, each shared on
// its own so that each can be checked (PROTOCOL section 6).
type VectorSpec struct {
	Nodes     int `json:"nodes"`
	Threshold int `json:"threshold"`
	Entities  int `json:"entities"` // of the registry's version
	Bits      int `json:"bits"`     // an entity
}

// Check fails with ErrVector.
func (s VectorSpec) Check() error {
	switch {
	case s.Nodes < 2 || s.Nodes > MaxNodes || s.Threshold < 2 || s.Threshold > s.Nodes:
		return fmt.Errorf("%w: %d of %d nodes", ErrVector, s.Threshold, s.Nodes)
	case s.Bits < 1 || s.Bits > MaxVectorBits:
		return fmt.Errorf("%w: %d bits, not 1 to %d", ErrVector, s.Bits, MaxVectorBits)
	case s.Entities < 1 || s.Entities > maxProductLength/s.Bits:
		return fmt.Errorf("%w: %d entities of %d bits", ErrVector, s.Entities, s.Bits)
	}
	return nil
}

// Entries returns the number of shared bits: bit b of entity e is entry
// b·Entities + e.
func (s VectorSpec) Entries() int { return s.Entities * s.Bits }

// length is that of the shared vector: the entries, and a mask for every run of
// the first check.
func (s VectorSpec) length() int { return s.Entries() + CheckRuns }

// Kinds of vector shares: t−1 of them are seeds. Little endian:
//
//	0  4  "weir"
//	4  1  kind
//	5  1  version, 1
//	6  1  bits an entity
//	7  1  threshold
//	8  2  nodes
//	10 2  point
//	12 4  entities
//	16 8  T
//	24 …  seed of 32 bytes, or the numbers, each in as many bits as T has
const (
	kindVectorSeed    kind = 11
	kindVectorNumbers kind = 12
)

// VectorShareBytes returns the exact length of the share for a point.
func (p ProductParameters) VectorShareBytes(s VectorSpec, point int) int {
	if vectorKind(s, point) == kindVectorSeed {
		return vectorHeader + seedSize
	}
	return vectorHeader + packedBytes(s.length(), p.in.tWidth())
}

func vectorKind(s VectorSpec, point int) kind {
	if point < s.Threshold {
		return kindVectorSeed
	}
	return kindVectorNumbers
}

func (in *productInstance) tWidth() uint { return uint(bits.Len64(in.t.Modulus)) }

func (in *productInstance) vectorHeader(s VectorSpec, point int) [vectorHeader]byte {
	var h [vectorHeader]byte
	copy(h[:], wireMagic)
	h[4], h[5], h[6], h[7] = byte(vectorKind(s, point)), wireVersion, byte(s.Bits), byte(s.Threshold)
	binary.LittleEndian.PutUint16(h[8:], uint16(s.Nodes))
	binary.LittleEndian.PutUint16(h[10:], uint16(point))
	binary.LittleEndian.PutUint32(h[12:], uint32(s.Entities))
	binary.LittleEndian.PutUint64(h[16:], in.t.Modulus)
	return h
}

// DealVector shares a private vector, one value below 2^Bits an entity, and
// returns the shares of points 1..n in this order, each to be sealed to its node
// alone. Any t−1 of them are uniform.
func DealVector(p ProductParameters, s VectorSpec, values []uint64) (_ [][]byte, err error) {
	defer guard("dealing a vector", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("dealing a vector: %w", err)
	}
	secret, err := p.in.vectorEntries(s, values)
	if err != nil {
		return nil, fmt.Errorf("dealing a vector: %w", err)
	}
	defer clear(secret)
	shares, err := p.in.dealNumbers(s, secret)
	if err != nil {
		return nil, fmt.Errorf("dealing a vector: %w", err)
	}
	return shares, nil
}

// vectorEntries writes values bit by bit, and draws the masks.
func (in *productInstance) vectorEntries(s VectorSpec, values []uint64) ([]uint64, error) {
	if len(values) != s.Entities {
		return nil, fmt.Errorf("%w: %d values for %d entities", ErrVector, len(values), s.Entities)
	}
	entries := make([]uint64, s.length())
	for e, v := range values {
		if v >= 1<<s.Bits {
			return nil, fmt.Errorf("%w: value of entity %d has more than %d bits", ErrVector, e, s.Bits)
		}
		for b := range s.Bits {
			entries[b*s.Entities+e] = v >> b & 1
		}
	}
	masks, err := freshStream()
	if err != nil {
		return nil, err
	}
	defer masks.erase()
	masks.uniform(entries[s.Entries():], in.t.Modulus)
	return entries, nil
}

// dealNumbers shares numbers by the polynomials of degree t−1 that have them at
// 0 and what the seeds give at 1..t−1.
func (in *productInstance) dealNumbers(s VectorSpec, secret []uint64) ([][]byte, error) {
	base := everyPoint(s.Threshold)
	for i := range base {
		base[i]-- // 0..t−1
	}
	known := [][]uint64{secret}
	shares := make([][]byte, s.Nodes)
	for point := 1; point < s.Threshold; point++ {
		var seed [seedSize]byte
		if _, err := rand.Read(seed[:]); err != nil {
			return nil, fmt.Errorf("drawing randomness: %w", err)
		}
		xs, err := in.expandVector(s, seed)
		if err != nil {
			return nil, err
		}
		known = append(known, xs)
		h := in.vectorHeader(s, point)
		shares[point-1] = append(h[:], seed[:]...)
	}
	xs := make([]uint64, s.length())
	for point := s.Threshold; point <= s.Nodes; point++ {
		in.combine(xs, known, in.lagrange(base, point))
		h := in.vectorHeader(s, point)
		b := append(h[:], make([]byte, packedBytes(len(xs), in.tWidth()))...)
		packBits(b[vectorHeader:], xs, in.tWidth())
		shares[point-1] = b
	}
	for _, xs := range known[1:] {
		clear(xs)
	}
	clear(xs)
	return shares, nil
}

func (in *productInstance) expandVector(s VectorSpec, seed [seedSize]byte) ([]uint64, error) {
	st, err := newStream(seed, labelVector, [32]byte{})
	if err != nil {
		return nil, err
	}
	defer st.erase()
	xs := make([]uint64, s.length())
	st.uniform(xs, in.t.Modulus)
	return xs, nil
}

// combine writes Σ factors_k·vectors_k to dst.
func (in *productInstance) combine(dst []uint64, vectors [][]uint64, factors []uint64) {
	clear(dst)
	for k, v := range vectors {
		f := factors[k]
		for i, x := range v[:len(dst)] {
			dst[i] = in.add(dst[i], in.mul(x, f))
		}
	}
}

// VectorShare is one node's Shamir share of a private vector. It is safe for
// concurrent use.
type VectorShare struct {
	p     ProductParameters
	spec  VectorSpec
	point int
	xs    []uint64
}

// ParseVectorShare checks a share that DealVector made for this point and these
// specifications, and expands it. It fails with ErrMalformed, or with ErrVector
// where the share is of another vector or point.
func ParseVectorShare(p ProductParameters, s VectorSpec, point int, b []byte) (_ *VectorShare, err error) {
	defer guard("reading a vector share", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("reading a vector share: %w", err)
	}
	if point < 1 || point > s.Nodes {
		return nil, fmt.Errorf("reading a vector share: %w: %d is not one of 1..%d", ErrPoint, point, s.Nodes)
	}
	in := p.in
	if want := p.VectorShareBytes(s, point); len(b) != want {
		return nil, fmt.Errorf("reading a vector share: %w: %d bytes instead of %d", ErrMalformed, len(b), want)
	}
	if h := in.vectorHeader(s, point); !bytes.Equal(b[:vectorHeader], h[:]) {
		if !bytes.Equal(b[:4], h[:4]) || b[5] != h[5] {
			return nil, fmt.Errorf("reading a vector share: %w: not a vector share of version %d", ErrMalformed, wireVersion)
		}
		return nil, fmt.Errorf("reading a vector share: %w: it is of another vector or point", ErrVector)
	}
	v := &VectorShare{p: p, spec: s, point: point}
	body := b[vectorHeader:]
	if vectorKind(s, point) == kindVectorSeed {
		if v.xs, err = in.expandVector(s, [seedSize]byte(body)); err != nil {
			return nil, fmt.Errorf("reading a vector share: %w", err)
		}
		return v, nil
	}
	v.xs = make([]uint64, s.length())
	unpackBits(v.xs, body, in.tWidth())
	if slices.Max(v.xs) >= in.t.Modulus {
		return nil, fmt.Errorf("reading a vector share: %w: a number is not below T", ErrMalformed)
	}
	if used := len(v.xs) * int(in.tWidth()) % 8; used != 0 && body[len(body)-1]>>used != 0 {
		return nil, fmt.Errorf("reading a vector share: %w: bits after the last number", ErrMalformed)
	}
	return v, nil
}

// Spec returns the vector's specification.
func (v *VectorShare) Spec() VectorSpec { return v.spec }

// weight returns this node's Lagrange coefficient λ_i in an active set.
func (v *VectorShare) weight(active []int) (uint64, error) {
	if len(active) != v.spec.Threshold || !increasing(active) || active[0] < 1 || active[len(active)-1] > v.spec.Nodes {
		return 0, fmt.Errorf("%w: %v is not a sorted list of %d points of 1..%d", ErrActiveSet, active, v.spec.Threshold, v.spec.Nodes)
	}
	i := slices.Index(active, v.point)
	if i < 0 {
		return 0, fmt.Errorf("%w: point %d is not in %v", ErrNotActive, v.point, active)
	}
	return v.p.in.lagrange(active, 0)[i], nil
}

// Additive returns the node's additive shares λ_i·v_e of the entries in an
// active set, the check's masks left out: those of all members add up to the
// bits.
func (v *VectorShare) Additive(active []int) ([]uint64, error) {
	f, err := v.weight(active)
	if err != nil {
		return nil, fmt.Errorf("weighting a vector share: %w", err)
	}
	out := make([]uint64, v.spec.Entries())
	v.p.in.combine(out, [][]uint64{v.xs}, []uint64{f})
	return out, nil
}

// Values returns the node's additive shares of the values, one an entity:
// Σ_b 2^b·(share of bit b). For a selector they are Additive's.
func (v *VectorShare) Values(active []int) ([]uint64, error) {
	f, err := v.weight(active)
	if err != nil {
		return nil, fmt.Errorf("weighting a vector share: %w", err)
	}
	vectors, factors := make([][]uint64, v.spec.Bits), make([]uint64, v.spec.Bits)
	for b := range vectors {
		vectors[b] = v.xs[b*v.spec.Entities:][:v.spec.Entities]
		factors[b] = f
		f = v.p.in.add(f, f)
	}
	out := make([]uint64, v.spec.Entities)
	v.p.in.combine(out, vectors, factors)
	return out, nil
}

// Erase overwrites the share. Nobody may be using it.
func (v *VectorShare) Erase() { clear(v.xs) }

// Challenge returns what the checks of a vector are run on: a hash of its
// commitment and of every node's nonce, in the order of points. A commitment has
// one challenge, ever.
func Challenge(commitment [32]byte, nonces [][32]byte) [32]byte {
	h := sha256.New()
	field(h, []byte("weir he v1 vector challenge"))
	field(h, commitment[:])
	number(h, uint64(len(nonces)))
	for _, n := range nonces {
		field(h, n[:])
	}
	return [32]byte(h.Sum(nil))
}
