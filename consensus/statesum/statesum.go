// Package statesum keeps the digest of a state.
//
// The digest of a state is the sum, modulo 2^256, of the SHA-256 of every pair of key and
// value in it, those of the store itself left out. An entry changes it by the pairs that it
// changes, so it costs what the entry changes and not what there is; and it depends on the
// pairs alone, not on their order or on where batches were cut. It is written in the
// transaction of the changes, like the position.
//
// So two nodes that have applied as many entries have the same digest, or one of them has
// a state that is not that of the entries. And a state whose pairs do not add up to the
// digest that is stored with them has lost or changed some: badger passes over what it
// cannot read.
//
// It finds accidents. Who chooses entries could find sets of pairs with the same sum
// (Wagner's generalized birthday), and would gain nothing by it: what was agreed on is shown
// by the evidence log.
package statesum

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Sum is the sum of pairs: four words, the least significant first.
type Sum [4]uint64

func pairHash(key, value []byte) Sum {
	var head [64]byte // room for most keys
	h := sha256.New()
	h.Write(append(binary.AppendUvarint(head[:0], uint64(len(key))), key...))
	h.Write(value)
	var b [sha256.Size]byte
	return sumOf(h.Sum(b[:0]))
}

// Add counts a pair.
func (s *Sum) Add(key, value []byte) {
	h, carry := pairHash(key, value), uint64(0)
	for i := range s {
		s[i], carry = bits.Add64(s[i], h[i], carry)
	}
}

// Remove takes a pair out.
func (s *Sum) Remove(key, value []byte) {
	h, borrow := pairHash(key, value), uint64(0)
	for i := range s {
		s[i], borrow = bits.Sub64(s[i], h[i], borrow)
	}
}

// Bytes is the sum, the least significant byte first.
func (s Sum) Bytes() (b [sha256.Size]byte) {
	for i, w := range s {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	return b
}

func sumOf(b []byte) (s Sum) {
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return s
}

// At is the digest of the state after Entries entries.
type At struct {
	Entries uint64
	Sum     [sha256.Size]byte
}

const (
	// markSteps are the distances at which a node remembers digests: 1, 8, 64 … entries.
	markSteps = 7
	// marksEach is how many it remembers of each. Two nodes that are less than a step apart, and
	// beyond the first one, have one of that step in common.
	marksEach = 2
)

// Digest is the sum of a state and of some of the states before it.
type Digest struct {
	Sum   Sum
	marks [markSteps][marksEach]mark // the newest first
}

type mark struct {
	entries uint64 // 0: none
	sum     Sum
}

// Note remembers the sum as that after so many entries.
func (d *Digest) Note(entries uint64) {
	step := uint64(1)
	for i := range d.marks {
		if entries%step == 0 {
			d.marks[i] = [marksEach]mark{{entries, d.Sum}, d.marks[i][0]}
		}
		step *= 8
	}
}

// List is what is remembered.
func (d *Digest) List() (out []At) {
	seen := map[uint64]bool{0: true}
	for _, step := range d.marks {
		for _, m := range step {
			if !seen[m.entries] {
				seen[m.entries] = true
				out = append(out, At{m.entries, m.sum.Bytes()})
			}
		}
	}
	return out
}

const (
	version   = 1
	markBytes = 8 + sha256.Size
	// EncodedBytes is the length of an encoded digest.
	EncodedBytes = 1 + sha256.Size + markSteps*marksEach*markBytes
)

// Encode returns EncodedBytes bytes.
func (d *Digest) Encode() []byte {
	sum := d.Sum.Bytes()
	b := append([]byte{version}, sum[:]...)
	for _, step := range d.marks {
		for _, m := range step {
			sum := m.sum.Bytes()
			b = append(binary.BigEndian.AppendUint64(b, m.entries), sum[:]...)
		}
	}
	return b
}

// Decode is the inverse of Encode.
func Decode(b []byte) (d Digest, err error) {
	if len(b) != EncodedBytes || b[0] != version {
		return d, fmt.Errorf("the digest does not decode: %d bytes", len(b))
	}
	b = b[1:]
	d.Sum, b = sumOf(b), b[sha256.Size:]
	for i := range d.marks {
		for j := range d.marks[i] {
			d.marks[i][j] = mark{binary.BigEndian.Uint64(b), sumOf(b[8:])}
			b = b[markBytes:]
		}
	}
	return d, nil
}
