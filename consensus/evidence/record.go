package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash in the tree of RFC 6962.
type Hash = tlog.Hash

// ErrCorrupt is returned when a stored or received record or hash is missing or
// does not decode.
var ErrCorrupt = errors.New("evidence is corrupt")

const (
	recordVersion = 1

	// flagVoid marks a record whose entry was given up before it changed
	// anything. It is the only flag of version 1; a record with another one is
	// refused, so that no two encodings mean the same.
	flagVoid = 1 << 0

	// recordOverhead is the fixed part of an encoded record: version, flags and
	// two lengths.
	recordOverhead = 1 + 1 + 4 + 4

	// MaxRecordBytes bounds an encoded record, so that a length from outside
	// cannot make a reader allocate more than this.
	MaxRecordBytes = 4 << 20
)

// Record is what one leaf of the log says.
type Record struct {
	// Entry is the command as it was proposed.
	Entry []byte
	// Outcome is what the state machine answered. It is empty when Void is set.
	Outcome []byte
	// Void is set when the entry was taken into the log but changed nothing,
	// because its changes would not have fitted one transaction.
	Void bool
}

// Encode gives the record's only encoding, whose hash is the leaf:
//
//	version (1) ‖ flags (1) ‖ len(entry) (4, big endian) ‖ entry ‖ len(outcome) (4) ‖ outcome
func (r Record) Encode() ([]byte, error) {
	if len(r.Entry) > MaxRecordBytes || len(r.Outcome) > MaxRecordBytes ||
		recordOverhead+len(r.Entry)+len(r.Outcome) > MaxRecordBytes {
		return nil, fmt.Errorf("encoding a record of %d + %d bytes: larger than %d",
			len(r.Entry), len(r.Outcome), MaxRecordBytes)
	}
	if r.Void && len(r.Outcome) != 0 {
		return nil, fmt.Errorf("encoding a record: void, yet with an outcome of %d bytes", len(r.Outcome))
	}
	var flags byte
	if r.Void {
		flags |= flagVoid
	}
	b := make([]byte, 0, recordOverhead+len(r.Entry)+len(r.Outcome))
	b = append(b, recordVersion, flags)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Entry))) // bounded above
	b = append(b, r.Entry...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Outcome))) // bounded above
	return append(b, r.Outcome...), nil
}

// DecodeRecord is the inverse of [Record.Encode]. It accepts nothing that Encode
// would not have written. The record's slices point into b.
func DecodeRecord(b []byte) (Record, error) {
	if len(b) < recordOverhead || len(b) > MaxRecordBytes {
		return Record{}, fmt.Errorf("%w: a record of %d bytes", ErrCorrupt, len(b))
	}
	if b[0] != recordVersion {
		return Record{}, fmt.Errorf("%w: record version %d, known is %d", ErrCorrupt, b[0], recordVersion)
	}
	if b[1]&^flagVoid != 0 {
		return Record{}, fmt.Errorf("%w: unknown record flags %#02x", ErrCorrupt, b[1])
	}
	r := Record{Void: b[1]&flagVoid != 0}
	var err error
	rest := b[2:]
	if r.Entry, rest, err = cutBytes(rest, "entry"); err != nil {
		return Record{}, err
	}
	if r.Outcome, rest, err = cutBytes(rest, "outcome"); err != nil {
		return Record{}, err
	}
	if len(rest) != 0 {
		return Record{}, fmt.Errorf("%w: %d bytes after the record", ErrCorrupt, len(rest))
	}
	if r.Void && len(r.Outcome) != 0 {
		return Record{}, fmt.Errorf("%w: a void record with an outcome", ErrCorrupt)
	}
	return r, nil
}

// cutBytes takes a length-prefixed field off the front of b.
func cutBytes(b []byte, field string) (value, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("%w: record ends before the length of its %s", ErrCorrupt, field)
	}
	n := uint64(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > uint64(len(b)) {
		return nil, nil, fmt.Errorf("%w: %s of %d bytes, %d left", ErrCorrupt, field, n, len(b))
	}
	return b[:n:n], b[n:], nil
}

// LeafHash is the RFC 6962 hash of an encoded record.
func LeafHash(encoded []byte) Hash { return tlog.RecordHash(encoded) }
