package seal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// CheckedInfo is the HPKE info of a node's shares of a checked answer; aad is CheckedAAD's.
const CheckedInfo = "weir/share/checked"

const (
	checkedVersion = 1
	checkedHeader  = 3 // version, number of shares
	setHeader      = 2 // number of the set
)

// SetShare is a node's share of a result as one of the sets that it is in opens it.
type SetShare struct {
	Set    int // its number among the sets of the attempt
	Values []uint64
	Parity uint64
}

// CheckedAAD is the additional data of a node's shares of a checked answer: what ShareAAD takes, and of how many
// members the attempt and each set is, from which the sets follow. The contexts are those of every opening under
// every set, accumulator by accumulator.
func CheckedAAD(contexts, plan, query [32]byte, members, setOf int) []byte {
	h := sha256.New()
	h.Write([]byte("weir/share/checked/aad/1\x00"))
	h.Write(contexts[:])
	h.Write(plan[:])
	h.Write(query[:])
	var n [8]byte
	binary.LittleEndian.PutUint32(n[:], uint32(members))
	binary.LittleEndian.PutUint32(n[4:], uint32(setOf))
	h.Write(n[:])
	return h.Sum(nil)
}

// EncodeChecked lays out a node's shares of a checked answer: a version byte, their number in 2 bytes, and each with
// the number of its set in 2 bytes before it, laid out as EncodeShare does. All of a node's shares are sealed at once,
// so that nobody sees those of one set before another is opened.
func EncodeChecked(shares []SetShare) []byte {
	b := []byte{checkedVersion}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(shares)))
	for _, s := range shares {
		one := EncodeShare(s.Values, &s.Parity)
		b = append(binary.LittleEndian.AppendUint16(b, uint16(s.Set)), one...)
		clear(one)
	}
	return b
}

// DecodeChecked reads what EncodeChecked wrote: shares of exactly these sets, in their order, each of count values.
func DecodeChecked(b []byte, sets []int, count int, modulus uint64) ([]SetShare, error) {
	if count < 0 || count > MaxShareValues {
		return nil, fmt.Errorf("%w: %d values wanted, the limit is %d", ErrShare, count, MaxShareValues)
	}
	each := setHeader + shareHeader + 8*(count+1)
	if want := checkedHeader + len(sets)*each; len(b) != want {
		return nil, fmt.Errorf("%w: %d bytes, want %d for %d values of %d sets", ErrShare, len(b), want, count, len(sets))
	}
	if b[0] != checkedVersion || int(binary.LittleEndian.Uint16(b[1:])) != len(sets) {
		return nil, fmt.Errorf("%w: version %d with %d shares, want %d with %d", ErrShare, b[0], binary.LittleEndian.Uint16(b[1:]), checkedVersion, len(sets))
	}
	out := make([]SetShare, len(sets))
	for i, set := range sets {
		one := b[checkedHeader+i*each:][:each]
		if got := int(binary.LittleEndian.Uint16(one)); got != set {
			return nil, fmt.Errorf("%w: share %d is of set %d, want %d", ErrShare, i, got, set)
		}
		values, parity, err := DecodeShare(one[setHeader:], count, modulus)
		if err != nil {
			return nil, fmt.Errorf("share of set %d: %w", set, err)
		}
		if parity == nil {
			return nil, fmt.Errorf("%w: that of set %d carries no parity number", ErrShare, set)
		}
		out[i] = SetShare{set, values, *parity}
	}
	return out, nil
}
