package he

import (
	"cmp"
	"crypto/sha256"
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
	kindVectorSeed kind = 11 // 12: numbers
)

func (in *productInstance) tWidth() uint { return uint(bits.Len64(in.t.Modulus)) }

// vectorSharing is how the entries and masks are shared.
func (in *productInstance) vectorSharing(s VectorSpec) sharing {
	header := func(point int) []byte {
		h := in.sharedHeader(vectorHeader, kindVectorSeed, s.Nodes, s.Threshold, point, s.Entities)
		h[6], h[7] = byte(s.Bits), byte(s.Threshold)
		return h
	}
	return sharing{
		what: "vector", nodes: s.Nodes, threshold: s.Threshold, length: s.length(), masks: CheckRuns,
		label: labelVector, header: header,
	}
}

// DealVector shares a private vector, one value below 2^Bits an entity (in a partition
// 2^i for piece i, or 0), and returns the shares of points 1..n in this order, each to be sealed to its node
// alone. Any t−1 of them are uniform.
func DealVector(p ProductParameters, s VectorSpec, values []uint64) (_ [][]byte, err error) {
	defer guard("deal a vector", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return nil, err
	}
	secret, err := p.in.vectorEntries(s, values)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return p.in.dealShares(p.in.vectorSharing(s), secret)
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

// VectorShare is one node's Shamir share of a private vector. Additive leaves the check's
// masks out. It is safe for concurrent use.
type VectorShare struct {
	share
	spec VectorSpec
}

// ParseVectorShare checks a share that DealVector made for this point and these
// specifications, and expands it. It fails with ErrMalformed, or with ErrVector
// where the share is of another vector or point.
func ParseVectorShare(p ProductParameters, s VectorSpec, point int, b []byte) (_ *VectorShare, err error) {
	defer guard("read a vector share", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return nil, err
	}
	how := p.in.vectorSharing(s)
	xs, err := p.in.parseShare(how, point, b)
	if err != nil {
		return nil, err
	}
	return &VectorShare{share{p, how, point, xs}, s}, nil
}

// Spec returns the vector's specification.
func (v *VectorShare) Spec() VectorSpec { return v.spec }

// Values returns the node's additive shares of the values, one an entity:
// Σ_b 2^b·(share of bit b). For a selector they are Additive's.
func (v *VectorShare) Values(active []int) ([]uint64, error) {
	f, err := v.weight(active)
	if err != nil {
		return nil, err
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
