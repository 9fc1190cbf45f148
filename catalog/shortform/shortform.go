// Package shortform says which entries the log need not keep whole, and what it keeps of them.
//
// They are those by which sealed shares of a query were taken, once the query is forgotten: the outcome of the
// query.forget that forgets it names them. What such an entry did is in its outcome, which the entry's leaf commits
// to: whose share it was, of which attempt of which query, when, and the digest of the sealed bytes. Beside that there
// is kept what applying the entries after it anew needs: the envelope's digest and when it expires, by which it would
// be known if it came again, and the digests that the members of the attempt had to agree on. Nobody can check these
// against the leaf. They are gone from the state when the entry is shortened, but that the envelope was seen, which is
// forgotten some entries after it has expired; so it has to expire when one that is taken then does.
package shortform

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// Share is what is kept of an entry by which a sealed share was taken.
type Share struct {
	Expires  int64          // Unix milliseconds
	Envelope catalog.Digest // of the payload
	Plan     catalog.Digest
	Context  catalog.Digest
}

const (
	version    = 1
	shareBytes = 1 + 8 + 3*32
)

// Of is the short form of an entry: version (1) ‖ expires (8, big endian) ‖ envelope (32) ‖ plan (32) ‖ context (32).
// An entry that is no query.share has none.
func Of(entry []byte) ([]byte, error) {
	e, err := catalog.ParseEntry(entry)
	if err != nil {
		return nil, err
	}
	p, err := catalog.ParsePayload(e.Envelope.Payload)
	if err != nil {
		return nil, err
	}
	if p.Kind != catalog.KindQueryShare {
		return nil, fmt.Errorf("an entry of kind %s is kept whole", p.Kind)
	}
	var b catalog.QueryShare
	if err := catalog.DecodeStrict(p.Body, &b); err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint64(append(make([]byte, 0, shareBytes), version), uint64(p.Expires)) //nolint:gosec // ParsePayload bounds it
	for _, d := range []catalog.Digest{e.Envelope.Digest(), b.Plan, b.Context} {
		out = append(out, d[:]...)
	}
	return out, nil
}

// Parse reads what Of writes.
func Parse(short []byte) (s Share, err error) {
	if len(short) != shareBytes || short[0] != version {
		return s, fmt.Errorf("the short form of an entry does not decode: %d bytes", len(short))
	}
	expires := binary.BigEndian.Uint64(short[1:])
	if expires > catalog.MaxTime {
		return s, fmt.Errorf("the short form of an entry has the time %d", expires)
	}
	s.Expires = int64(expires) //nolint:gosec // bounded above
	for i, d := range []*catalog.Digest{&s.Envelope, &s.Plan, &s.Context} {
		copy(d[:], short[9+32*i:])
	}
	return s, nil
}

// Read reads the short form of an entry together with its outcome, which took a share.
func Read(short, outcome []byte) (s Share, was catalog.Outcome, err error) {
	if s, err = Parse(short); err != nil {
		return s, was, err
	}
	if err := json.Unmarshal(outcome, &was); err != nil {
		return s, was, fmt.Errorf("read the outcome of an entry that is shortened: %w", err)
	}
	if was.Share == nil {
		return s, was, errors.New("an entry is shortened that took no share")
	}
	// Others would have the state remember for good that an envelope was seen, of which nobody knows that it was.
	if s.Expires <= was.Time || s.Expires > was.Time+catalog.MaxSkew+catalog.MaxEnvelopeAge {
		return s, was, fmt.Errorf("the short form of an entry of the time %d says that its envelope expires at %d", was.Time, s.Expires)
	}
	return s, was, nil
}

// Named lists the entries that are shortened with the entry that had an outcome.
func Named(outcome []byte) []uint64 {
	if !bytes.Contains(outcome, []byte(`"shortened"`)) { // most have none
		return nil
	}
	var o catalog.Outcome
	if json.Unmarshal(outcome, &o) != nil || o.Kind != catalog.KindQueryForget || o.Refusal != nil || o.Repeat {
		return nil
	}
	return o.Shortened
}
