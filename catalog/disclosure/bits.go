package disclosure

import (
	"encoding/binary"
	"math/bits"
)

// Bits is a set of entities: entity e is in it when bit e%64 of word e/64 is
// set. Words behind the last are zero, so sets of different lengths compare and
// combine as they are.
type Bits []uint64

// ReadBits is the set whose bitmap has bit e of byte e/8, lowest first, for entity e.
func ReadBits(b []byte) Bits {
	out := make(Bits, (len(b)+7)/8)
	for i := range out {
		var word [8]byte
		copy(word[:], b[8*i:])
		out[i] = binary.LittleEndian.Uint64(word[:])
	}
	return out
}

// Bytes is the bitmap of the set for so many entities, as ReadBits reads it.
func (b Bits) Bytes(entities int) []byte {
	out := make([]byte, (entities+7)/8)
	for i := range out {
		out[i] = byte(b.word(i/8) >> (i % 8 * 8))
	}
	return out
}

// Has reports whether entity e is in the set.
func (b Bits) Has(e int) bool { return e>>6 < len(b) && b[e>>6]>>(e&63)&1 != 0 }

// Set puts entity e into the set and returns it, grown where necessary.
func (b Bits) Set(e int) Bits {
	for e>>6 >= len(b) {
		b = append(b, 0)
	}
	b[e>>6] |= 1 << (e & 63)
	return b
}

// Count is the number of entities in the set.
func (b Bits) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls f for every entity of the set, ascending.
func (b Bits) each(f func(e int)) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			f(i<<6 + bits.TrailingZeros64(w))
		}
	}
}

// word is word i, zero behind the last.
func (b Bits) word(i int) uint64 {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// And is the intersection; or is the union, and without is what is in b alone.
func (b Bits) And(c Bits) Bits {
	out := make(Bits, min(len(b), len(c)))
	for i := range out {
		out[i] = b[i] & c[i]
	}
	return out
}

func (b Bits) or(c Bits) Bits {
	out := make(Bits, max(len(b), len(c)))
	for i := range out {
		out[i] = b.word(i) | c.word(i)
	}
	return out
}

func (b Bits) without(c Bits) Bits {
	out := make(Bits, len(b))
	for i := range out {
		out[i] = b[i] &^ c.word(i)
	}
	return out
}

// within reports whether every entity of b is in c.
func (b Bits) within(c Bits) bool {
	for i, w := range b {
		if w&^c.word(i) != 0 {
			return false
		}
	}
	return true
}

// empty reports whether the set has no entity.
func (b Bits) empty() bool { return b.within(nil) }

// below reports whether the set has no entity from n on.
func (b Bits) below(n int) bool {
	i := n >> 6
	return i >= len(b) || b[i]>>(n&63) == 0 && b[i+1:].empty()
}

// absent are the numbers below n that are not in the set.
func (b Bits) absent(n int) Bits {
	out := make(Bits, (n+63)/64)
	for i := range out {
		out[i] = ^b.word(i)
	}
	if n&63 != 0 {
		out[len(out)-1] &= 1<<(n&63) - 1
	}
	return out
}

// same reports whether b and c agree on all the members.
func (b Bits) same(c Bits, members []int32) bool {
	for _, e := range members {
		if b.Has(int(e)) != c.Has(int(e)) {
			return false
		}
	}
	return true
}

// CountIn is how many of the members are in the set.
func (b Bits) CountIn(members []int32) int {
	n := 0
	for _, e := range members {
		if b.Has(int(e)) {
			n++
		}
	}
	return n
}

// pick are those of the members that are in the set.
func (b Bits) pick(members []int32) []int32 {
	var out []int32
	for _, e := range members {
		if b.Has(int(e)) {
			out = append(out, e)
		}
	}
	return out
}
