package he

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/weirdata/weir/compute/he/prf"
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

// VectorSpec says what a private vector looks like: a partition has one bit a piece, of
// which an entity has one or none, so a selector has one bit; a vector of weights has as
// many as its largest weight needs. Each bit is shared on its own so that each can be
// checked (PROTOCOL.md section 6).
type VectorSpec struct {
	Nodes     int `json:"nodes"`
	Threshold int `json:"threshold"`
	Entities  int `json:"entities"` // of the registry's version
	Bits      int `json:"bits"`     // an entity
	Pieces    int `json:"pieces"`   // of a partition, as many as bits; 0: weights
}

// Check fails with ErrVector.
func (s VectorSpec) Check() error {
	switch {
	case s.Nodes < 2 || s.Nodes > MaxNodes || s.Threshold < 2 || s.Threshold > s.Nodes:
		return fmt.Errorf("%w: %d of %d nodes", ErrVector, s.Threshold, s.Nodes)
	case s.Bits < 1 || s.Bits > MaxVectorBits:
		return fmt.Errorf("%w: %d bits, not 1 to %d", ErrVector, s.Bits, MaxVectorBits)
	case s.Pieces != 0 && s.Pieces != s.Bits || s.Pieces > MaxPieces:
		return fmt.Errorf("%w: %d pieces of %d bits, at most %d", ErrVector, s.Pieces, s.Bits, MaxPieces)
	case s.Entities < 1 || s.Entities > maxProductLength/(s.Bits+1):
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
	return vectorHeader + p.in.bodyBytes(s.sharing(), point)
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

// DealVector shares a private vector, one value below 2^Bits an entity (in a partition
// 2^i for piece i, or 0), and returns the shares of points 1..n in this order, each to be sealed to its node
// alone. Any t−1 of them are uniform.
func DealVector(p ProductParameters, s VectorSpec, values []uint64) (_ [][]byte, err error) {
	defer guard("deal a vector", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("deal a vector: %w", err)
	}
	secret, err := p.in.vectorEntries(s, values)
	if err != nil {
		return nil, fmt.Errorf("deal a vector: %w", err)
	}
	defer clear(secret)
	shares, err := p.in.dealNumbers(s, secret)
	if err != nil {
		return nil, fmt.Errorf("deal a vector: %w", err)
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
		if s.Pieces > 0 && v&(v-1) != 0 {
			return nil, fmt.Errorf("%w: entity %d is in two pieces", ErrVector, e)
		}
		for b := range s.Bits {
			entries[b*s.Entities+e] = v >> b & 1
		}
	}
	masks, err := prf.Fresh()
	if err != nil {
		return nil, err
	}
	defer masks.Erase()
	masks.Uniform(entries[s.Entries():], in.t.Modulus)
	return entries, nil
}

// sharing is how the entries and masks are shared.
func (s VectorSpec) sharing() sharing { return sharing{s.Nodes, s.Threshold, s.length(), labelVector} }

func (in *productInstance) dealNumbers(s VectorSpec, secret []uint64) ([][]byte, error) {
	return in.dealShares(s.sharing(), secret, func(point int) []byte {
		h := in.vectorHeader(s, point)
		return h[:]
	})
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
	defer guard("read a vector share", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("read a vector share: %w", err)
	}
	h := p.in.vectorHeader(s, point)
	xs, err := p.in.parseShare(s.sharing(), "vector", point, h[:], b)
	if err != nil {
		return nil, fmt.Errorf("read a vector share: %w", err)
	}
	return &VectorShare{p: p, spec: s, point: point, xs: xs}, nil
}

// Spec returns the vector's specification.
func (v *VectorShare) Spec() VectorSpec { return v.spec }

// weight returns this node's Lagrange coefficient λ_i in an active set.
func (v *VectorShare) weight(active []int) (uint64, error) {
	return v.p.in.shareWeight(v.spec.Nodes, v.spec.Threshold, v.point, active)
}

// Additive returns the node's additive shares λ_i·v_e of the entries in an
// active set, the check's masks left out: those of all members add up to the
// bits.
func (v *VectorShare) Additive(active []int) ([]uint64, error) {
	f, err := v.weight(active)
	if err != nil {
		return nil, fmt.Errorf("weight a vector share: %w", err)
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
		return nil, fmt.Errorf("weight a vector share: %w", err)
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

// Selected returns the node's additive shares of who is in a partition, in whichever
// piece: the sum of every entity's bits. For a selector they are Additive's.
func (v *VectorShare) Selected(active []int) ([]uint64, error) {
	bits, err := v.Additive(active)
	if err != nil {
		return nil, err
	}
	defer clear(bits)
	return v.sums(bits), nil
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
