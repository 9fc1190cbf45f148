package he

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/compute/he/prf"
)

// A private vector moves from the nodes that hold its shares to a roster (PROTOCOL.md
// section 6.9): t holders deal their parts of it onward, with fresh masks.

// Kinds of what a move deals, and of the share that comes of it. Their headers are those of
// vector shares. A dealing begins with a salt of 32 bytes, before its header.
const (
	kindMovedSeed kind = 15 // 16: numbers; entries and masks, to a point of the new roster
	kindMasksSeed kind = 17 // 18: numbers; the same masks, to a point of the old roster
	kindMoved     kind = 20 // a share, of numbers at every point

	saltSize = 32
)

// VectorDealing is what one dealer of a move deals of one vector. Each part is for the node
// at its point alone. Digests of them may be shown: the salts make them say nothing.
type VectorDealing struct {
	Shares [][]byte // of its part of the vector and of fresh masks, by point of the new roster
	Masks  [][]byte // of the same masks, by point of the old one
}

// Erase overwrites the dealing.
func (d *VectorDealing) Erase() {
	for _, b := range slices.Concat(d.Shares, d.Masks) {
		clear(b)
	}
}

// on are the specifications of the same vector, shared among other nodes.
func (s VectorSpec) on(nodes, threshold int) VectorSpec {
	s.Nodes, s.Threshold = nodes, threshold
	return s
}

// dealtSharing is how a dealer shares its part of a vector, or with masks alone those.
func (in *productInstance) dealtSharing(s VectorSpec, masksAlone bool) sharing {
	how := in.vectorSharing(s)
	seed := kindMovedSeed
	how.what, how.label = "dealt vector", labelMoved
	if masksAlone {
		seed, how.length = kindMasksSeed, CheckRuns
		how.what, how.label = "dealt mask", labelMovedMasks
	}
	how.header = func(point int) []byte {
		h := in.sharedHeader(vectorHeader, seed, s.Nodes, s.Threshold, point, s.Entities)
		h[6], h[7] = byte(s.Bits), byte(s.Threshold)
		return h
	}
	return how
}

// movedSharing is how the shares of a vector that was moved are written.
func (in *productInstance) movedSharing(s VectorSpec) sharing {
	how := in.vectorSharing(s)
	how.what, how.numbers = "moved vector", true
	how.header = func(point int) []byte {
		h := in.sharedHeader(vectorHeader, kindMoved, s.Nodes, s.Threshold, point, s.Entities)
		h[4], h[6], h[7] = byte(kindMoved), byte(s.Bits), byte(s.Threshold)
		return h
	}
	return how
}

// Deal deals this node's part λ_i·v_i of the vector to a roster of so many nodes with that
// threshold. dealers are the points of those who deal, exactly t of the roster that holds the
// vector now, this node among them. The masks are drawn anew: those of an earlier check have
// met their challenge.
func (v *VectorShare) Deal(nodes, threshold int, dealers []int) (_ *VectorDealing, err error) {
	defer guard("deal a vector onward", &err)
	return v.deal(v.spec.on(nodes, threshold), dealers, freshSeed)
}

// deal takes where salts come from, for a test, which shows what they are for.
func (v *VectorShare) deal(to VectorSpec, dealers []int, salt func() ([seedSize]byte, error)) (*VectorDealing, error) {
	if err := to.Check(); err != nil {
		return nil, err
	}
	entries, err := v.Additive(dealers)
	if err != nil {
		return nil, err
	}
	part := slices.Concat(entries, make([]uint64, CheckRuns))
	clear(entries)
	defer clear(part)
	masks, in := part[v.spec.Entries():], v.p.in
	random, err := prf.Fresh()
	if err != nil {
		return nil, err
	}
	defer random.Erase()
	random.Uniform(masks, in.t.Modulus)
	d := &VectorDealing{}
	if d.Shares, err = in.dealShares(in.dealtSharing(to, false), part); err != nil {
		return nil, err
	}
	if d.Masks, err = in.dealShares(in.dealtSharing(v.spec, true), masks); err != nil {
		return nil, err
	}
	for _, list := range [][][]byte{d.Shares, d.Masks} {
		for i, b := range list {
			s, err := salt()
			if err != nil {
				return nil, err
			}
			list[i] = append(s[:], b...)
			clear(b)
		}
	}
	return d, nil
}

// sumDealings adds up what dealers have dealt to a point.
func (in *productInstance) sumDealings(how sharing, point int, dealings [][]byte) ([]uint64, error) {
	sum := make([]uint64, how.length)
	for _, b := range dealings {
		if len(b) < saltSize {
			return nil, fmt.Errorf("%w: %d bytes, and the salt has %d", ErrMalformed, len(b), saltSize)
		}
		xs, err := in.parseShare(how, point, b[saltSize:])
		if err != nil {
			return nil, err
		}
		for i, x := range xs {
			sum[i] = in.add(sum[i], x)
		}
		clear(xs)
	}
	return sum, nil
}

// CombineVectorDealings adds the dealings of all dealers, the threshold of the roster before
// in number, up to the share of a node at a point of the new roster, whose specifications s
// are. It fails with ErrMalformed or ErrVector for what is no dealing for it.
func CombineVectorDealings(p ProductParameters, s VectorSpec, point int, dealings [][]byte) (_ *VectorShare, err error) {
	defer guard("combine the dealings of a vector", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return nil, err
	}
	xs, err := p.in.sumDealings(p.in.dealtSharing(s, false), point, dealings)
	if err != nil {
		return nil, err
	}
	return &VectorShare{share{p, p.in.movedSharing(s), point, xs}, s}, nil
}

// CombineMaskDealings adds the dealings of masks up to those of a node at a point of the old
// roster, whose specifications s are.
func CombineMaskDealings(p ProductParameters, s VectorSpec, point int, dealings [][]byte) (masks CheckValues, err error) {
	defer guard("combine the dealings of masks", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return masks, err
	}
	xs, err := p.in.sumDealings(p.in.dealtSharing(s, true), point, dealings)
	copy(masks[:], xs)
	return masks, err
}

// MovedBytes is how a share that came of dealings is kept; ParseMovedVector reads it.
func (v *VectorShare) MovedBytes() []byte {
	return v.p.in.packedShare(v.how, v.point, v.xs)
}

// ParseMovedVector reads what MovedBytes wrote.
func ParseMovedVector(p ProductParameters, s VectorSpec, point int, b []byte) (_ *VectorShare, err error) {
	defer guard("read a moved vector share", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return nil, err
	}
	how := p.in.movedSharing(s)
	xs, err := p.in.parseShare(how, point, b)
	if err != nil {
		return nil, err
	}
	return &VectorShare{share{p, how, point, xs}, s}, nil
}

// LineValuesWith returns what a holder publishes of its old share in the check of a move:
// Σ χ_e·v_e plus the mask that was dealt to it, a run each. The share's own masks are left
// out: they have met their one challenge, and a second would be a linear equation in the
// vector.
func (v *VectorShare) LineValuesWith(challenge [32]byte, masks CheckValues) (CheckValues, error) {
	old := share{v.p, v.how, v.point, slices.Concat(v.xs[:v.spec.Entries()], masks[:])}
	defer old.Erase()
	return (&VectorShare{old, v.spec}).LineValues(challenge)
}
