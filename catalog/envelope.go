package catalog

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Entry is what the replicated log holds: one signed envelope and the time at
// which the leader proposed it, in Unix milliseconds. The state machine never
// lets time run backwards: an entry that names an earlier time than the state
// is applied at the state's time. Marshal writes it in a binary form (version
// byte, time, then signer, signature and payload, each with its length), so that
// the payload is not encoded a second time.
type Entry struct {
	Version  int      `json:"v"`
	Time     int64    `json:"time"`
	Envelope Envelope `json:"envelope"`
}

// Envelope is one act of a person or of a node: the exact bytes that were
// signed, who signed them, and the Ed25519 signature over
// SigningContext || payload (RFC 8032). Nothing in it is parsed before the
// signature is verified.
type Envelope struct {
	Payload   []byte `json:"payload"`
	Signer    string `json:"signer"` // a principal's id, or "node/" and a node's id
	Signature []byte `json:"signature"`
}

// SigningContext separates envelope signatures from every other use of a key.
const SigningContext = "weir envelope v1\n"

// NodeSigner is the Signer of a node's envelopes.
func NodeSigner(node string) string { return nodePrefix + node }

const nodePrefix = "node/"

// Payload is the content of an envelope. Cluster is the hex cluster id and
// empty only for KindInit. Signer repeats the envelope's, inside the signed
// bytes, so that nobody can pass another's payload off as its own. Nonce makes
// two acts with the same body distinct; an envelope sent twice is applied once
// and answered with the first outcome. Issued and Expires are Unix
// milliseconds; an envelope is valid for at most MaxEnvelopeAge, a founding for MaxFoundingAge.
type Payload struct {
	Version int             `json:"v"`
	Cluster string          `json:"cluster"`
	Signer  string          `json:"signer"` // set by Sign
	Kind    Kind            `json:"kind"`
	Nonce   string          `json:"nonce"` // 32 hexadecimal digits
	Issued  int64           `json:"issued"`
	Expires int64           `json:"expires"`
	Body    json.RawMessage `json:"body"` // of the kind's body type
}

// Limits of an envelope and of its life.
const (
	MaxEnvelope    = 1 << 20               // bytes of signer, signature and payload together, DATA_MODEL.md section 3.2
	MaxEnvelopeAge = 10 * 60 * 1000        // milliseconds from Issued to Expires
	MaxFoundingAge = 30 * 24 * 3600 * 1000 // as MaxEnvelopeAge: institutions sign a founding one after the other
	MaxChunk       = 256 << 10             // bytes of rows or bitmaps in one envelope
	MaxGroups      = 65536                 // released groups of one query
	MaxAttempts    = 3                     // openings of one query
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

// ParseEntry reads what Marshal writes. It does not look into the payload. An error is an
// *UnreadableError.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) > MaxEnvelope+entryOverhead {
		return Entry{}, unreadable("entry.size", len(b), MaxEnvelope+entryOverhead)
	}
	if len(b) < entryHeader {
		return Entry{}, errShortEntry
	}
	t := binary.BigEndian.Uint64(b[1:])
	if b[0] != format {
		return Entry{}, unreadable("entry.version", b[0], format)
	}
	if t > MaxTime {
		return Entry{}, unreadable("entry.time", t, int64(MaxTime))
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
		return Entry{}, unreadable("entry.trailing", len(rest))
	}
	if len(parts[0]) > MaxSigner || !utf8.Valid(parts[0]) {
		return Entry{}, unreadable("entry.signer")
	}
	return Entry{
		Version: format, Time: int64(t), //nolint:gosec // bounded above
		Envelope: Envelope{Signer: string(parts[0]), Signature: parts[1], Payload: parts[2]},
	}, nil
}

var errShortEntry = unreadable("entry.short")

// ParsePayload reads the signed bytes of an envelope. It checks their form, not
// whether they are meant for this cluster and time.
func ParsePayload(b []byte) (Payload, error) {
	var p Payload
	if err := DecodeStrict(b, &p); err != nil {
		return Payload{}, fmt.Errorf("parse payload: %w", err)
	}
	if p.Version != format {
		return Payload{}, unreadable("payload.version", p.Version, format)
	}
	if !IsLabel(string(p.Kind)) {
		return Payload{}, unreadable("payload.kind", p.Kind)
	}
	if !isHex(p.Nonce, 32) {
		return Payload{}, unreadable("payload.nonce", p.Nonce)
	}
	if p.Issued < 0 || p.Expires > MaxTime || p.Expires <= p.Issued {
		return Payload{}, unreadable("payload.time", p.Issued, p.Expires)
	}
	return p, nil
}

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
	e := Envelope{Payload: b, Signer: signer, Signature: ed25519.Sign(key, signedBytes(b))}
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
		ed25519.Verify(public, signedBytes(e.Payload), e.Signature)
}

func signedBytes(payload []byte) []byte { return append([]byte(SigningContext), payload...) }

func isHex(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" }
