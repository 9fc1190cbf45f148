package he

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/modular"
)

// Every object that leaves a process has the same layout, little endian, at a
// length that the parameters and its kind fix:
//
//	0   4  "weir"
//	4   1  kind
//	5   1  version, 1
//	6   1  LogN
//	7   1  primes in Q
//	8   4  first number (see kind)
//	12  4  second number
//	16  32 context, absent in tiles and sums: what the object belongs to
//	…      polynomials in NTT form, limb by limb, 8 bytes a coefficient, each below its prime;
//	       in packed tiles 15 bytes for two, the first in the low 60 bits of the 120
//
// Coefficients start at a multiple of 8.
type kind byte

const (
	kindTile         kind = 1 // numbers: 1, 0; c0, c1
	kindSum          kind = 2 // numbers: tiles, 0; c0, c1
	kindPublicShare  kind = 3 // numbers: dealer, 0; context: reference; p_i
	kindDealing      kind = 4 // numbers: dealer, recipient; context: reference; evaluation
	kindKeyShare     kind = 5 // numbers: point, 0; context: reference; [s]_i
	kindPublicKey    kind = 6 // numbers: 0, 0; context: reference; Σ p_i
	kindContribution kind = 7 // numbers: point, root; context: opening and reference; d_i
	kindPackedTile   kind = 8 // numbers: 1, 0; c0, c1
)

const (
	wireVersion = 1
	wireMagic   = "weir"
	headerBytes = 16
	contextSize = 32
)

var kindNames = map[kind]string{
	kindTile: "tile", kindSum: "sum of tiles", kindPublicShare: "public-key share", kindDealing: "dealing",
	kindKeyShare: "key share", kindPublicKey: "public key", kindContribution: "contribution", kindPackedTile: "packed tile",
}

func (k kind) String() string { return kindNames[k] }

// polys is the number of polynomials in an object of the kind.
func (k kind) polys() int {
	if k.isSum() {
		return 2
	}
	return 1
}

// isSum says whether objects of the kind are added by an Accumulator.
func (k kind) isSum() bool { return k == kindTile || k == kindPackedTile || k == kindSum }

// bytes is the length of so many coefficients, an even number.
func (k kind) bytes(coefficients int) int {
	if k == kindPackedTile {
		return modular.PackedBytes(coefficients, modular.PackedWidth)
	}
	return 8 * coefficients
}

// offset is where the coefficients start.
func (k kind) offset() int {
	if k.isSum() {
		return headerBytes
	}
	return headerBytes + contextSize
}

// TileBytes returns the exact length of a tile that is not packed, and of a sum of tiles.
func (p Parameters) TileBytes() int { return p.in.size(kindTile) }

// PackedTileBytes returns the exact length of a packed tile, 15/16 of the coefficients of one that is not.
func (p Parameters) PackedTileBytes() int { return p.in.size(kindPackedTile) }

func (in *instance) size(k kind) int { return k.offset() + k.polys()*limbs*k.bytes(in.n) }

// putHeader writes the header of an object at the front of b.
func (in *instance) putHeader(b []byte, k kind, first, second int, context [contextSize]byte) {
	copy(b, wireMagic)
	b[4], b[5], b[6], b[7] = byte(k), wireVersion, byte(in.lit.LogN), limbs
	binary.LittleEndian.PutUint32(b[8:], uint32(first))
	binary.LittleEndian.PutUint32(b[12:], uint32(second))
	if k.offset() > headerBytes {
		copy(b[headerBytes:], context[:])
	}
}

// header is the variable part of an object's front.
type header struct {
	first, second int
	context       [contextSize]byte
}

// parseHeader checks length and header, not the coefficients.
func (in *instance) parseHeader(b []byte, k kind) (header, error) {
	var h header
	if len(b) != in.size(k) {
		return h, fmt.Errorf("%w: %v has %d bytes instead of %d", ErrMalformed, k, len(b), in.size(k))
	}
	if !bytes.Equal(b[:4], []byte(wireMagic)) || kind(b[4]) != k {
		return h, fmt.Errorf("%w: not a %v", ErrMalformed, k)
	}
	if b[5] != wireVersion {
		return h, fmt.Errorf("%w: %v has version %d, and only %d is known", ErrMalformed, k, b[5], wireVersion)
	}
	if int(b[6]) != in.lit.LogN || b[7] != limbs {
		return h, fmt.Errorf("%w: %v is of ring 2^%d with %d primes instead of 2^%d with %d", ErrMalformed, k, b[6], b[7], in.lit.LogN, limbs)
	}
	h.first = int(binary.LittleEndian.Uint32(b[8:]))
	h.second = int(binary.LittleEndian.Uint32(b[12:]))
	if k.offset() > headerBytes {
		copy(h.context[:], b[headerBytes:])
	}
	if !in.numbersFit(k, h.first, h.second) {
		return h, fmt.Errorf("%w: %v has numbers %d, %d", ErrMalformed, k, h.first, h.second)
	}
	return h, nil
}

// numbersFit says whether the header's numbers are possible for the kind.
// Dealers may be of another roster when a key is reshared.
func (in *instance) numbersFit(k kind, first, second int) bool {
	point := func(x, most int) bool { return x >= 1 && x <= most }
	switch k {
	case kindTile, kindPackedTile:
		return first == 1 && second == 0
	case kindSum:
		return point(first, MaxTiles) && second == 0
	case kindPublicShare, kindKeyShare:
		return point(first, in.lit.Nodes) && second == 0
	case kindDealing:
		return point(first, MaxNodes) && point(second, in.lit.Nodes)
	case kindPublicKey:
		return first == 0 && second == 0
	case kindContribution:
		return point(first, in.lit.Nodes) && point(second, in.lit.Nodes) && first != second
	default:
		return false
	}
}

// parse checks everything: length, header, and every coefficient.
func (in *instance) parse(b []byte, k kind) (header, error) {
	h, err := in.parseHeader(b, k)
	if err != nil {
		return h, err
	}
	for poly := range k.polys() {
		for l, s := range in.q {
			if at := k.firstAtLeast(in.limb(b, k, poly, l), s.Modulus); at >= 0 {
				return h, fmt.Errorf("%w: %v has a coefficient beyond its prime (polynomial %d, limb %d, index %d)", ErrMalformed, k, poly, l, at)
			}
		}
	}
	return h, nil
}

// firstAtLeast is the index of the first coefficient of a limb ≥ q, or −1.
func (k kind) firstAtLeast(limb []byte, q uint64) int {
	if k == kindPackedTile {
		return modular.FirstPackedAtLeast(limb, q)
	}
	return modular.FirstAtLeast(limb, q)
}

// limb is one limb of polynomial number poly of an object.
func (in *instance) limb(b []byte, k kind, poly, l int) []byte {
	length := k.bytes(in.n)
	return b[k.offset()+length*(poly*limbs+l):][:length]
}

// load copies polynomial number poly of a parsed object into dst.
func (in *instance) load(dst ring.Poly, b []byte, k kind, poly int) {
	for l := range in.q {
		if limb := in.limb(b, k, poly, l); k == kindPackedTile {
			modular.Unpack(dst.Coeffs[l], limb, modular.PackedWidth)
		} else {
			modular.Load(dst.Coeffs[l], limb)
		}
	}
}

// store writes src as polynomial number poly of an object.
func (in *instance) store(b []byte, k kind, poly int, src ring.Poly) {
	for l := range in.q {
		if limb := in.limb(b, k, poly, l); k == kindPackedTile {
			modular.Pack(limb, src.Coeffs[l], modular.PackedWidth)
		} else {
			modular.Store(limb, src.Coeffs[l])
		}
	}
}

// addProduct writes the sum of rest, below 6q, and polynomial number poly of a
// parsed object times a factor in Montgomery form, all in NTT form, as the only
// polynomial of another object.
func (in *instance) addProduct(dst []byte, to kind, rest ring.Poly, b []byte, k kind, poly int, factor ring.Poly) {
	for l, p := range in.sums {
		p.StoreProduct(in.limb(dst, to, 0, l), rest.Coeffs[l], in.limb(b, k, poly, l), factor.Coeffs[l])
	}
}

// linear writes c0 + c1·factor for a parsed sum and a factor in Montgomery form,
// in NTT form, below 2^60 + 2δ.
func (in *instance) linear(dst ring.Poly, sum []byte, factor ring.Poly) {
	for l, p := range in.sums {
		p.Linear(dst.Coeffs[l], in.limb(sum, kindSum, 0, l), in.limb(sum, kindSum, 1, l), factor.Coeffs[l])
	}
}

// addWire adds the only polynomial of a parsed object to dst, which stays below
// 2^60 + 4δ.
func (in *instance) addWire(dst ring.Poly, b []byte, k kind) {
	for l, p := range in.sums {
		p.Add(dst.Coeffs[l], in.limb(b, k, 0, l))
	}
}

// tileKind is the kind of tile that b says it is.
func tileKind(b []byte) kind {
	if len(b) > 4 && kind(b[4]) == kindPackedTile {
		return kindPackedTile
	}
	return kindTile
}

// CheckTile says whether b is exactly a tile of these parameters, packed or not: length,
// version, ring, and every coefficient below its prime. It fails with
// ErrMalformed. A flipped bit that leaves a coefficient in range is for the
// tile's digest to find.
func (p Parameters) CheckTile(b []byte) error {
	if err := p.check(); err != nil {
		return err
	}
	_, err := p.in.parse(b, tileKind(b))
	return err
}
