package he

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/weirdata/weir/compute/he/modular"
)

// Messages of products, little endian, at a length that the parameters, the kind
// and the number of entries fix:
//
//	0   4  "weir"
//	4   1  kind
//	5   1  version, 1
//	6   1  LogN
//	7   1  primes: 4 in a request, 2 in an answer, 1 (T) in an opening
//	8   2  sender's point
//	10  2  recipient's point
//	12  4  step within the session
//	16  32 session's context
//	48  4  entries
//	52  4  0
//	56  …  request: for the public key, then for every chunk: a seed of 32 bytes
//	       (a, c1), and a polynomial in NTT form (b, c0), limb by limb, each
//	       coefficient in as many bits as its prime has
//	       answer: for every chunk c0 and c1 in coefficients, low bits cut, each
//	       first all low halves, then all high halves
//	       opening: numbers mod T, 8 bytes each
//
// Coefficients are below their primes, cut ones no larger than any that cutting
// gives.
const (
	kindRequest  kind = 8
	kindAnswer   kind = 9
	kindRevealed kind = 10

	productHeader = 56
	seedSize      = 32
)

var productKinds = map[kind]struct {
	name   string
	primes byte
}{
	kindRequest:  {"product request", productLimbs},
	kindAnswer:   {"product answer", keptLimbs},
	kindRevealed: {"opened number", 1},
}

// envelope is a message's header.
type envelope struct {
	kind     kind
	from, to int
	step     int
	context  [32]byte
	entries  int
}

func (in *productInstance) chunks(entries int) int { return (entries + in.n - 1) / in.n }

// requestPoly is the length of a seed and a packed polynomial.
func (in *productInstance) requestPoly() int {
	n := seedSize
	for _, s := range in.q {
		n += bits.Len64(s.Modulus) * in.n / 8
	}
	return n
}

// answerChunk is the length of two cut polynomials.
func (in *productInstance) answerChunk() int {
	n := 0
	for _, c := range in.cuts {
		n += int(c.Low+c.High) * in.n / 8
	}
	return n
}

func (in *productInstance) messageSize(k kind, entries int) int {
	switch k {
	case kindRequest:
		return productHeader + (1+in.chunks(entries))*in.requestPoly()
	case kindAnswer:
		return productHeader + in.chunks(entries)*in.answerChunk()
	default:
		return productHeader + 8*entries
	}
}

// RequestBytes returns the exact length of the message with which a member asks
// another one for a product of the given entries.
func (p ProductParameters) RequestBytes(entries int) int {
	return p.in.messageSize(kindRequest, entries)
}

// AnswerBytes returns the exact length of what comes back.
func (p ProductParameters) AnswerBytes(entries int) int { return p.in.messageSize(kindAnswer, entries) }

func (in *productInstance) newMessage(e envelope) []byte {
	b := make([]byte, in.messageSize(e.kind, e.entries))
	copy(b, wireMagic)
	b[4], b[5], b[6], b[7] = byte(e.kind), wireVersion, byte(in.lit.LogN), productKinds[e.kind].primes
	binary.LittleEndian.PutUint16(b[8:], uint16(e.from))
	binary.LittleEndian.PutUint16(b[10:], uint16(e.to))
	binary.LittleEndian.PutUint32(b[12:], uint32(e.step))
	copy(b[16:], e.context[:])
	binary.LittleEndian.PutUint32(b[48:], uint32(e.entries))
	return b
}

// parseEnvelope checks header and length, not the coefficients.
func (in *productInstance) parseEnvelope(b []byte) (envelope, error) {
	if len(b) < productHeader || !bytes.Equal(b[:4], []byte(wireMagic)) {
		return envelope{}, fmt.Errorf("%w: not a product's message", ErrMalformed)
	}
	e := envelope{
		kind:    kind(b[4]),
		from:    int(binary.LittleEndian.Uint16(b[8:])),
		to:      int(binary.LittleEndian.Uint16(b[10:])),
		step:    int(binary.LittleEndian.Uint32(b[12:])),
		context: [32]byte(b[16:48]),
		entries: int(binary.LittleEndian.Uint32(b[48:])),
	}
	k, ok := productKinds[e.kind]
	switch {
	case !ok:
		return envelope{}, fmt.Errorf("%w: not a product's message", ErrMalformed)
	case b[5] != wireVersion:
		return envelope{}, fmt.Errorf("%w: %s has version %d, and only %d is known", ErrMalformed, k.name, b[5], wireVersion)
	case int(b[6]) != in.lit.LogN || b[7] != k.primes:
		return envelope{}, fmt.Errorf("%w: %s is of ring 2^%d with %d primes instead of 2^%d with %d", ErrMalformed, k.name, b[6], b[7], in.lit.LogN, k.primes)
	case e.from < 1 || e.from > MaxNodes || e.to < 1 || e.to > MaxNodes || e.from == e.to:
		return envelope{}, fmt.Errorf("%w: %s from %d to %d", ErrMalformed, k.name, e.from, e.to)
	case e.entries < 1 || e.entries > maxProductLength || binary.LittleEndian.Uint32(b[52:]) != 0:
		return envelope{}, fmt.Errorf("%w: %s has %d entries", ErrMalformed, k.name, e.entries)
	case len(b) != in.messageSize(e.kind, e.entries):
		return envelope{}, fmt.Errorf("%w: %s has %d bytes instead of %d", ErrMalformed, k.name, len(b), in.messageSize(e.kind, e.entries))
	}
	return e, nil
}

// readPoly unpacks a polynomial of a request, which follows its seed, and
// refuses coefficients beyond their primes.
func (in *productInstance) readPoly(dst [][]uint64, b []byte) error {
	for l, s := range in.q {
		b = modular.Unpack(dst[l], b, uint(bits.Len64(s.Modulus)))
		if slices.Max(dst[l]) >= s.Modulus {
			return fmt.Errorf("%w: product request has a coefficient beyond its prime (limb %d)", ErrMalformed, l)
		}
	}
	return nil
}

func (in *productInstance) writePoly(b []byte, src [][]uint64) {
	for l, s := range in.q {
		b = modular.Pack(b, src[l], uint(bits.Len64(s.Modulus)))
	}
}
