package seal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// The HPKE infos of what is sealed to one receiver: a share opens for its purpose alone.
const (
	ShareInfo   = "weir/share"   // a node's share of a query's result; aad is ShareAAD's
	VectorInfo  = "weir/vector"  // of a private vector (he.DealVector); aad is catalog.VectorRegister.AAD
	WitnessInfo = "weir/witness" // of a private query's witnesses (he.DealWitnesses); aad is attest.WitnessAAD
)

// MaxShareValues bounds the released numbers of one share. A query has at most
// 65,536 groups (DATA_MODEL.md section 3.10); this is room for sixteen columns of them.
const MaxShareValues = 1 << 20

const (
	shareVersion    = 1
	shareHeader     = 2 // version, flags
	shareWithParity = 1 // flag: the parity number follows the values
)

// ErrShare is returned when an opened share is not laid out as one, or not of
// the size or modulus expected.
var ErrShare = errors.New("malformed result share")

// ContextsDigest hashes the contexts of a query's openings, in the order of
// its accumulators, to the one that ShareAAD takes.
func ContextsDigest(contexts [][32]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("weir/share/contexts/1\x00"))
	for i := range contexts {
		h.Write(contexts[i][:])
	}
	return [32]byte(h.Sum(nil))
}

// ShareAAD is the additional data of a node's sealed share (PROTOCOL.md section
// 4.4): the hash of the list of opening contexts (ContextsDigest), the plan's
// digest and the query's digest. A share of another attempt, plan or query
// therefore does not open.
func ShareAAD(contexts, plan, query [32]byte) []byte {
	h := sha256.New()
	h.Write([]byte("weir/share/aad/1\x00"))
	h.Write(contexts[:])
	h.Write(plan[:])
	h.Write(query[:])
	return h.Sum(nil)
}

// EncodeShare lays out a node's share of a query's result: its folded,
// added-up shares mod T in the plan's order, and its parity number where the
// plan has one. The layout is version byte, flags byte, then every number in 8
// bytes, little endian, the parity last.
func EncodeShare(values []uint64, parity *uint64) []byte {
	b := make([]byte, shareHeader, shareHeader+8*(len(values)+1))
	b[0] = shareVersion
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	if parity != nil {
		b[1] |= shareWithParity
		b = binary.LittleEndian.AppendUint64(b, *parity)
	}
	return b
}

// ShareSize is the length of a sealed share of so many values, in bytes.
func ShareSize(values int, parity bool) int {
	if parity {
		values++
	}
	return Overhead + shareHeader + 8*values
}

// DecodeShare reads what EncodeShare wrote: exactly count values, all of them
// and the parity below modulus. parity is nil where the share carries none.
func DecodeShare(b []byte, count int, modulus uint64) (values []uint64, parity *uint64, err error) {
	if count < 0 || count > MaxShareValues {
		return nil, nil, fmt.Errorf("%w: %d values wanted, the limit is %d", ErrShare, count, MaxShareValues)
	}
	if len(b) < shareHeader {
		return nil, nil, fmt.Errorf("%w: %d bytes", ErrShare, len(b))
	}
	if b[0] != shareVersion {
		return nil, nil, fmt.Errorf("%w: version %d, want %d", ErrShare, b[0], shareVersion)
	}
	if b[1]&^shareWithParity != 0 {
		return nil, nil, fmt.Errorf("%w: unknown flags %#x", ErrShare, b[1])
	}
	numbers := count
	if b[1]&shareWithParity != 0 {
		numbers++
	}
	if want := shareHeader + 8*numbers; len(b) != want {
		return nil, nil, fmt.Errorf("%w: %d bytes, want %d for %d values", ErrShare, len(b), want, count)
	}
	all := make([]uint64, numbers)
	for i := range all {
		all[i] = binary.LittleEndian.Uint64(b[shareHeader+8*i:])
		if all[i] >= modulus {
			return nil, nil, fmt.Errorf("%w: number %d is not below the modulus", ErrShare, i)
		}
	}
	if numbers > count {
		parity = &all[count]
	}
	return all[:count:count], parity, nil
}
