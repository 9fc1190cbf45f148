package he

import (
	"encoding/binary"
	"fmt"
)

// WitnessSpec says what shared witnesses of a piece test look like.
type WitnessSpec struct {
	Nodes     int
	Threshold int
	Count     int      // PieceStructure.Witnesses
	Structure [32]byte // PieceStructure.Digest
}

// Check fails with ErrVector.
func (s WitnessSpec) Check() error {
	switch {
	case s.Nodes < 2 || s.Nodes > MaxNodes || s.Threshold < 2 || s.Threshold > s.Nodes:
		return fmt.Errorf("%w: %d of %d nodes", ErrVector, s.Threshold, s.Nodes)
	case s.Count < 0 || s.Count > MaxPieceProducts:
		return fmt.Errorf("%w: %d witnesses, not 0 to %d", ErrVector, s.Count, MaxPieceProducts)
	}
	return nil
}

// Kinds of witness shares: t−1 of them are seeds. Little endian:
//
//	0  4  "weir"
//	4  1  kind
//	5  1  version, 1
//	6  1  threshold
//	7  1  0
//	8  2  nodes
//	10 2  point
//	12 4  witnesses
//	16 8  T
//	24 32 digest of the structure
//	56 …  seed of 32 bytes, or the numbers, each in as many bits as T has
const (
	kindWitnessSeed    kind = 13
	kindWitnessNumbers kind = 14

	witnessHeader = 56
)

func witnessKind(s WitnessSpec, point int) kind {
	if point < s.Threshold {
		return kindWitnessSeed
	}
	return kindWitnessNumbers
}

// WitnessShareBytes returns the exact length of the share for a point.
func (p ProductParameters) WitnessShareBytes(s WitnessSpec, point int) int {
	return witnessHeader + p.in.bodyBytes(s.sharing(), point)
}

func (s WitnessSpec) sharing() sharing { return sharing{s.Nodes, s.Threshold, s.Count, labelWitness} }

func (in *productInstance) witnessHeader(s WitnessSpec, point int) []byte {
	h := make([]byte, witnessHeader)
	copy(h, wireMagic)
	h[4], h[5], h[6] = byte(witnessKind(s, point)), wireVersion, byte(s.Threshold)
	binary.LittleEndian.PutUint16(h[8:], uint16(s.Nodes))
	binary.LittleEndian.PutUint16(h[10:], uint16(point))
	binary.LittleEndian.PutUint32(h[12:], uint32(s.Count))
	binary.LittleEndian.PutUint64(h[16:], in.t.Modulus)
	copy(h[24:], s.Structure[:])
	return h
}

// DealWitnesses shares witnesses and returns the shares of points 1..n in this order,
// each to be sealed to its node alone. Any t−1 of them are uniform. Nobody checks that
// they lie on one polynomial: whatever an active set makes of them is checked in every
// test.
func DealWitnesses(p ProductParameters, s WitnessSpec, witnesses []uint64) (_ [][]byte, err error) {
	defer guard("deal witnesses", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("deal witnesses: %w", err)
	}
	if err := p.checkNumbers(witnesses, s.Count); err != nil {
		return nil, fmt.Errorf("deal witnesses: %w", err)
	}
	shares, err := p.in.dealShares(s.sharing(), witnesses,
		func(point int) []byte { return p.in.witnessHeader(s, point) })
	if err != nil {
		return nil, fmt.Errorf("deal witnesses: %w", err)
	}
	return shares, nil
}

// WitnessShare is one node's Shamir share of the witnesses of a piece test. It is safe
// for concurrent use.
type WitnessShare struct {
	p     ProductParameters
	spec  WitnessSpec
	point int
	xs    []uint64
}

// ParseWitnessShare checks a share that DealWitnesses made for this point and these
// specifications, and expands it. It fails with ErrMalformed, or with ErrVector where
// the share is of another test or point.
func ParseWitnessShare(p ProductParameters, s WitnessSpec, point int, b []byte) (_ *WitnessShare, err error) {
	defer guard("read a witness share", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("read a witness share: %w", err)
	}
	xs, err := p.in.parseShare(s.sharing(), "witness", point, p.in.witnessHeader(s, point), b)
	if err != nil {
		return nil, fmt.Errorf("read a witness share: %w", err)
	}
	return &WitnessShare{p: p, spec: s, point: point, xs: xs}, nil
}

// Additive returns the node's additive shares of the witnesses in an active set.
func (w *WitnessShare) Additive(active []int) ([]uint64, error) {
	f, err := w.p.in.shareWeight(w.spec.Nodes, w.spec.Threshold, w.point, active)
	if err != nil {
		return nil, fmt.Errorf("weight a witness share: %w", err)
	}
	out := make([]uint64, len(w.xs))
	w.p.in.combine(out, [][]uint64{w.xs}, []uint64{f})
	return out, nil
}

// Erase overwrites the share. Nobody may be using it.
func (w *WitnessShare) Erase() { clear(w.xs) }
