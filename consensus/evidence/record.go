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
	// anything.
	flagVoid = 1 << 0
	// flagShort marks a record that was shortened. It is no part of the leaf. A
	// record with any other flag is refused, so that no two encodings mean the same.
	flagShort = 1 << 1

	// recordOverhead is the fixed part of an encoded record: version, flags and
	// two lengths.
	recordOverhead = 1 + 1 + 4 + 4

	// MaxRecordBytes bounds an encoded record, so that a length from outside
	// cannot make a reader allocate more than this.
	MaxRecordBytes = 4 << 20
)

// Record is what one leaf of the log says.
type Record struct {
	// Entry is the command as it was proposed. It is empty when Shortened is set.
	Entry []byte
	// Shortened is set when the entry is not kept any more. Digest is the entry's then, and
	// Short what is kept in its place, by which it can be applied again. The leaf commits to
	// Digest and not to Short.
	Shortened bool
	Digest    [sha256.Size]byte
	Short     []byte
	// Outcome is what the state machine answered. It is empty when Void is set.
	Outcome []byte
	// Void is set when the entry was taken into the log but changed nothing,
	// because its changes would not have fitted one transaction.
	Void bool
}

// Encode gives the record's only encoding, as it is stored:
//
//	version (1) ‖ flags (1) ‖ len(entry) (4, big endian) ‖ entry ‖ len(outcome) (4) ‖ outcome
//
// and of one that was shortened
//
//	version (1) ‖ flags (1) ‖ SHA-256(entry) (32) ‖ len(short) (4) ‖ short ‖ len(outcome) (4) ‖ outcome
func (r Record) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	kept := r.Entry
	b := make([]byte, 0, recordOverhead+len(r.Digest)+len(r.Entry)+len(r.Short)+len(r.Outcome))
	b = append(b, recordVersion, flags(r.Void))
	if r.Shortened {
		kept = r.Short
		b[1] |= flagShort
		b = append(b, r.Digest[:]...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(kept))) // bounded above
	b = append(b, kept...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Outcome))) // bounded above
	return append(b, r.Outcome...), nil
}

func (r Record) check() error {
	kept := len(r.Entry) + len(r.Short)
	if r.Shortened {
		kept += len(r.Digest)
	}
	if kept > MaxRecordBytes || len(r.Outcome) > MaxRecordBytes ||
		recordOverhead+kept+len(r.Outcome) > MaxRecordBytes {
		return fmt.Errorf("encode a record of %d + %d bytes: larger than %d", kept, len(r.Outcome), MaxRecordBytes)
	}
	if r.Shortened && len(r.Entry) != 0 || !r.Shortened && len(r.Short) != 0 {
		return errors.New("encode a record: an entry beside its short form")
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
	if b[1]&^(flagVoid|flagShort) != 0 {
		return Record{}, fmt.Errorf("%w: unknown record flags %#02x", ErrCorrupt, b[1])
	}
	r, c := Record{Void: b[1]&flagVoid != 0, Shortened: b[1]&flagShort != 0}, &cursor{rest: b[2:]}
	if r.Shortened {
		copy(r.Digest[:], c.take(sha256.Size))
		r.Short = c.take(c.number(4))
	} else {
		r.Entry = c.take(c.number(4))
	}
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

// Show returns the record as a receipt shows it whole; without its entry where that is not kept any more.
func (r Record) Show() Shown {
	if r.Shortened {
		return Shown{Withheld: true, Digest: r.Digest, Outcome: r.Outcome, Void: r.Void}
	}
	return Shown{Entry: r.Entry, Digest: sha256.Sum256(r.Entry), Outcome: r.Outcome, Void: r.Void}
}

// EntryDigest is the SHA-256 of the entry, also of one that is not kept any more.
func (r Record) EntryDigest() [sha256.Size]byte { return r.Show().Digest }

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
func (s Shown) Leaf() (leaf Hash) {
	const leafPrefix = 0 // of RFC 6962, as tlog.RecordHash has it; the outcome is not copied behind the rest
	h := sha256.New()
	head := append(make([]byte, 0, 3+sha256.Size), leafPrefix, recordVersion, flags(s.Void))
	h.Write(append(head, s.Digest[:]...))
	h.Write(s.Outcome)
	h.Sum(leaf[:0])
	return leaf
}

func flags(void bool) byte {
	if void {
		return flagVoid
	}
	return 0
}
