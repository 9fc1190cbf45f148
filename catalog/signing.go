package catalog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// format is the version of entries and payloads.
const format = 1

// Sizes of an entry's fixed parts: version, time, then the lengths of signer and
// signature (2 bytes each) and of the payload (4 bytes), big-endian.
const (
	entryHeader   = 1 + 8
	entryOverhead = entryHeader + 2 + 2 + 4
)

// NewEntry is the entry by which the leader proposes an envelope at the Unix
// time now, in milliseconds.
func NewEntry(now int64, e Envelope) Entry {
	return Entry{Version: format, Time: now, Envelope: e}
}

// Marshal returns the bytes of the log: the version, the time, then signer,
// signature and payload, each after its length.
func (e Entry) Marshal() []byte {
	env := e.Envelope
	b := make([]byte, 0, entryOverhead+env.size())
	b = append(b, byte(e.Version))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time)) //nolint:gosec // ParseEntry refuses negative times
	b = binary.BigEndian.AppendUint16(b, uint16(min(len(env.Signer), math.MaxUint16)))
	b = append(b, env.Signer...)
	b = binary.BigEndian.AppendUint16(b, uint16(min(len(env.Signature), math.MaxUint16)))
	b = append(b, env.Signature...)
	b = binary.BigEndian.AppendUint32(b, uint32(min(len(env.Payload), math.MaxUint32)))
	return append(b, env.Payload...)
}

// size is the length of an envelope in the log, without its framing.
func (e Envelope) size() int { return len(e.Signer) + len(e.Signature) + len(e.Payload) }

// ParseEntry reads what Marshal writes. It does not look into the payload.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) > MaxEnvelope+entryOverhead {
		return Entry{}, fmt.Errorf("parse entry: %d bytes, at most %d are accepted", len(b), MaxEnvelope+entryOverhead)
	}
	if len(b) < entryHeader {
		return Entry{}, errShortEntry
	}
	t := binary.BigEndian.Uint64(b[1:])
	if b[0] != format {
		return Entry{}, fmt.Errorf("parse entry: version %d, want %d", b[0], format)
	}
	if t > MaxTime {
		return Entry{}, fmt.Errorf("parse entry: time %d is not between 0 and %d", t, int64(MaxTime))
	}
	var parts [3][]byte
	rest := b[entryHeader:]
	for i, width := range [3]int{2, 2, 4} {
		if len(rest) < width {
			return Entry{}, errShortEntry
		}
		var n uint64
		for _, c := range rest[:width] {
			n = n<<8 | uint64(c)
		}
		if rest = rest[width:]; uint64(len(rest)) < n {
			return Entry{}, errShortEntry
		}
		parts[i], rest = rest[:n:n], rest[n:]
	}
	if len(rest) > 0 {
		return Entry{}, fmt.Errorf("parse entry: %d bytes after the payload", len(rest))
	}
	if len(parts[0]) > maxSigner || !utf8.Valid(parts[0]) {
		return Entry{}, fmt.Errorf("parse entry: signer %.40q is not a name", parts[0])
	}
	return Entry{
		Version: format, Time: int64(t), //nolint:gosec // bounded above
		Envelope: Envelope{Signer: string(parts[0]), Signature: parts[1], Payload: parts[2]},
	}, nil
}

var errShortEntry = errors.New("parse entry: it ends too early")

// ParsePayload reads the signed bytes of an envelope. It checks their form, not
// whether they are meant for this cluster and time.
func ParsePayload(b []byte) (Payload, error) {
	var p Payload
	if err := decodeStrict(b, &p); err != nil {
		return Payload{}, fmt.Errorf("parse payload: %w", err)
	}
	if p.Version != format {
		return Payload{}, fmt.Errorf("parse payload: version %d, want %d", p.Version, format)
	}
	if !isLabel(string(p.Kind)) {
		return Payload{}, fmt.Errorf("parse payload: %.80q does not name an act", p.Kind)
	}
	if !isHex(p.Nonce, 32) {
		return Payload{}, fmt.Errorf("parse payload: nonce %.40q is not 32 lower-case hexadecimal digits", p.Nonce)
	}
	if p.Issued < 0 || p.Expires > MaxTime || p.Expires <= p.Issued {
		return Payload{}, fmt.Errorf("parse payload: issued %d and expires %d are no period", p.Issued, p.Expires)
	}
	return p, nil
}

// EncodeBody returns the JSON of a body type of command.go, for Payload.Body.
func EncodeBody(body any) []byte { return encode(body) }

// Sign makes the envelope of a payload. It sets the payload's Version and
// Signer; everything else, the nonce included, is the caller's.
func Sign(key ed25519.PrivateKey, signer string, p Payload) (Envelope, error) {
	if len(key) != ed25519.PrivateKeySize {
		return Envelope{}, fmt.Errorf("sign %s: key of %d bytes, want %d", p.Kind, len(key), ed25519.PrivateKeySize)
	}
	p.Version, p.Signer = format, signer
	b, err := json.Marshal(p)
	if err != nil {
		return Envelope{}, fmt.Errorf("sign %s: %w", p.Kind, err)
	}
	if _, err := ParsePayload(b); err != nil {
		return Envelope{}, fmt.Errorf("sign %s: %w", p.Kind, err)
	}
	e := Envelope{Payload: b, Signer: signer, Signature: ed25519.Sign(key, signedBytes(SigningContext, b))}
	if n := e.size(); n > MaxEnvelope {
		return Envelope{}, fmt.Errorf("sign %s: envelope of %d bytes, at most %d are accepted", p.Kind, n, MaxEnvelope)
	}
	return e, nil
}

// Digest identifies the envelope: the SHA-256 of its payload, which names the
// signer.
func (e Envelope) Digest() Digest { return Sum(e.Payload) }

// Verify reports whether the signature is that of the Ed25519 public key.
func (e Envelope) Verify(public []byte) bool {
	return len(public) == ed25519.PublicKeySize &&
		ed25519.Verify(public, signedBytes(SigningContext, e.Payload), e.Signature)
}

func signedBytes(context string, b []byte) []byte {
	return append([]byte(context), b...)
}

// PrincipalID is the id of the principal with that Ed25519 public key.
func PrincipalID(public []byte) string {
	h := sha256.Sum256(public)
	return "p-" + hex.EncodeToString(h[:10])
}

// Ids of what an envelope makes, from its digest.
func shortID(prefix string, d Digest) string { return prefix + hex.EncodeToString(d[:10]) }

// OrderID is the id of the order that an envelope makes.
func OrderID(envelope Digest) string { return shortID("o-", envelope) }

// ContractID is the id of the contract that an approval makes.
func ContractID(envelope Digest) string { return shortID("c-", envelope) }

// QueryID is the id of the query that an envelope makes.
func QueryID(envelope Digest) string { return shortID("q-", envelope) }

// OwnContractID is the id of the contract under which a publisher queries its
// own dataset.
func OwnContractID(dataset string) string { return "c-own-" + dataset }

// KeyID is the id under which the nodes start a publisher's key.
func KeyID(publisher string) string { return "k-" + strings.TrimPrefix(publisher, "p-") }

func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
