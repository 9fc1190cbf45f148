package evidence

import (
	"crypto/sha256"
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
	recordVersion = 2

	// flagVoid marks a record whose entry was given up before it changed
	// anything. It is the only flag of version 2; a record with another one is
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

// Encode gives the record's only encoding, as it is stored:
//
//	version (1) ‖ flags (1) ‖ len(entry) (4, big endian) ‖ entry ‖ len(outcome) (4) ‖ outcome
func (r Record) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, recordOverhead+len(r.Entry)+len(r.Outcome))
	b = append(b, recordVersion, flags(r.Void))
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Entry))) // bounded above
	b = append(b, r.Entry...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Outcome))) // bounded above
	return append(b, r.Outcome...), nil
}

func (r Record) check() error {
	if len(r.Entry) > MaxRecordBytes || len(r.Outcome) > MaxRecordBytes ||
		recordOverhead+len(r.Entry)+len(r.Outcome) > MaxRecordBytes {
		return fmt.Errorf("encode a record of %d + %d bytes: larger than %d", len(r.Entry), len(r.Outcome), MaxRecordBytes)
	}
	if r.Void && len(r.Outcome) != 0 {
		return fmt.Errorf("encode a record: void, yet with an outcome of %d bytes", len(r.Outcome))
	}
	return nil
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
	r, c := Record{Void: b[1]&flagVoid != 0}, &cursor{rest: b[2:]}
	r.Entry = c.take(c.number(4))
	r.Outcome = c.take(c.number(4))
	if c.bad || len(c.rest) != 0 {
		return Record{}, fmt.Errorf("%w: a record of %d bytes does not end with its outcome", ErrCorrupt, len(b))
	}
	if r.Void && len(r.Outcome) != 0 {
		return Record{}, fmt.Errorf("%w: a void record with an outcome", ErrCorrupt)
	}
	return r, nil
}

// Leaf is the record's hash in the tree, that of [Shown.Leaf].
func (r Record) Leaf() (Hash, error) {
	if err := r.check(); err != nil {
		return Hash{}, err
	}
	return r.Withhold().Leaf(), nil
}

// Show returns the record as a receipt shows it whole.
func (r Record) Show() Shown {
	return Shown{Entry: r.Entry, Digest: sha256.Sum256(r.Entry), Outcome: r.Outcome, Void: r.Void}
}

// Withhold returns the record as a receipt shows it without its entry.
func (r Record) Withhold() Shown {
	s := r.Show()
	s.Entry, s.Withheld = nil, true
	return s
}

// Shown is a record as a receipt shows it. The leaf commits to the entry through
// its digest, so that a proof of what became of a large entry, or of one that is
// not everybody's business, need not carry it.
type Shown struct {
	Entry    []byte // nil when withheld
	Withheld bool
	Digest   [sha256.Size]byte // of the entry
	Outcome  []byte
	Void     bool
}

// Leaf is the RFC 6962 hash of the leaf, whose data is
//
//	version (1) ‖ flags (1) ‖ SHA-256(entry) (32) ‖ outcome
//
// The digest is that of Entry, which whoever fills in Shown has computed.
func (s Shown) Leaf() Hash {
	data := make([]byte, 0, 2+sha256.Size+len(s.Outcome))
	data = append(data, recordVersion, flags(s.Void))
	data = append(data, s.Digest[:]...)
	return tlog.RecordHash(append(data, s.Outcome...))
}

func flags(void bool) byte {
	if void {
		return flagVoid
	}
	return 0
}
