// Package entrysum makes the checksums of the log's entries.
//
// An entry carries a checksum from its proposer to every node's state machine, in raft's
// field for extensions, which is stored and sent with it:
//
//	version (1) ‖ CRC-32C of the data (4, big endian)
//
// from the proposer, before raft has the entry, and behind it
//
//	CRC-32C of version, index, term, type and the first checksum (4)
//
// from the log of the leader that appends it, which knows its place. Raft's own entries
// have no proposer; there the leader adds both. The checksums are checked before an entry
// is appended, on every node; whenever it is read, to be sent, applied or replayed; and
// before it is applied.
//
// They are there for disks and memory that change bits, not for members that lie, which
// could compute any checksum: the Merkle log is for those. CRC-32C finds every burst of
// up to 32 bits and misses one other damage in four billion, at nine bytes an entry and
// next to no time (the processor computes it), where SHA-256 would take 33 bytes. The log
// underneath has a CRC-32C of its own, which it checks only for what it wrote last before
// a crash.
package entrysum

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	version       = 1
	proposedBytes = 1 + crc32.Size
	// Bytes is the length of an entry's checksums.
	Bytes = proposedBytes + crc32.Size
)

// Castagnoli is the polynomial of them.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Proposed is the proposer's checksum.
func Proposed(data []byte) []byte {
	b := make([]byte, 0, Bytes)
	return binary.BigEndian.AppendUint32(append(b, version), crc32.Checksum(data, Castagnoli))
}

// Placed adds to the proposer's checksum that of the entry's place.
func Placed(sum []byte, index, term uint64, kind byte) []byte {
	return binary.BigEndian.AppendUint32(sum[:proposedBytes:proposedBytes], place(sum, index, term, kind))
}

func place(sum []byte, index, term uint64, kind byte) uint32 {
	b := append(make([]byte, 0, 1+8+8+1+proposedBytes), version)
	b = binary.BigEndian.AppendUint64(b, index)
	b = binary.BigEndian.AppendUint64(b, term)
	return crc32.Checksum(append(append(b, kind), sum[:proposedBytes]...), Castagnoli)
}

// Holds reports whether an entry's checksums are those of its data and its place.
func Holds(sums, data []byte, index, term uint64, kind byte) bool {
	return len(sums) == Bytes && sums[0] == version &&
		binary.BigEndian.Uint32(sums[1:]) == crc32.Checksum(data, Castagnoli) &&
		binary.BigEndian.Uint32(sums[proposedBytes:]) == place(sums, index, term, kind)
}
