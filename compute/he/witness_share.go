package he

import (
	"cmp"
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
	kindWitnessSeed kind = 13 // 14: numbers

	witnessHeader = 56
)

func (in *productInstance) witnessSharing(s WitnessSpec) sharing {
	header := func(point int) []byte {
		h := in.sharedHeader(witnessHeader, kindWitnessSeed, s.Nodes, s.Threshold, point, s.Count)
		h[6] = byte(s.Threshold)
		copy(h[24:], s.Structure[:])
		return h
	}
	return sharing{
		what: "witness", nodes: s.Nodes, threshold: s.Threshold, length: s.Count,
		label: labelWitness, header: header,
	}
}

// DealWitnesses shares witnesses and returns the shares of points 1..n in this order,
// each to be sealed to its node alone. Any t−1 of them are uniform. Nobody checks that
// they lie on one polynomial: whatever an active set makes of them is checked in every
// test.
func DealWitnesses(p ProductParameters, s WitnessSpec, witnesses []uint64) (_ [][]byte, err error) {
	defer guard("deal witnesses", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return nil, err
	}
	if err := p.checkNumbers(witnesses, s.Count); err != nil {
		return nil, err
	}
	return p.in.dealShares(p.in.witnessSharing(s), witnesses)
}

// WitnessShare is one node's Shamir share of the witnesses of a piece test. It is safe
// for concurrent use.
type WitnessShare struct{ share }

// ParseWitnessShare checks a share that DealWitnesses made for this point and these
// specifications, and expands it. It fails with ErrMalformed, or with ErrVector where
// the share is of another test or point.
func ParseWitnessShare(p ProductParameters, s WitnessSpec, point int, b []byte) (_ *WitnessShare, err error) {
	defer guard("read a witness share", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return nil, err
	}
	how := p.in.witnessSharing(s)
	xs, err := p.in.parseShare(how, point, b)
	if err != nil {
		return nil, err
	}
	return &WitnessShare{share{p, how, point, xs}}, nil
}
