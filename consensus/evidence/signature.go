package evidence

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

var (
	// ErrSignature is returned for a checkpoint with a signature that does not
	// hold, or of another log.
	ErrSignature = errors.New("a checkpoint's signature does not hold")
	// ErrThreshold is returned for a checkpoint that too few nodes signed.
	ErrThreshold = errors.New("too few nodes signed the checkpoint")
)

// MaxNoteBytes bounds a signed checkpoint.
const MaxNoteBytes = 64 << 10

// algCosignature is the signature type of c2sp.org/tlog-cosignature, Ed25519.
const algCosignature = 4

// Node is a node whose signatures count.
type Node struct {
	ID  string
	Key ed25519.PublicKey
}

// Trust is what a verifier knows beforehand: the log's origin, its nodes, and
// how many of them must sign.
type Trust struct {
	Origin string
	// Nodes may have one of an id for each key that its machines have had, together: however
	// many of these signed, it is one voice.
	Nodes     []Node
	Threshold int
}

// Voice is a node that signed, and when it says it did, in Unix seconds.
type Voice struct {
	Node string `json:"node"`
	Time int64  `json:"time"`
}

// Signed is a checkpoint with the nodes whose signatures were verified.
type Signed struct {
	Checkpoint
	Voices []Voice // in the order of Trust.Nodes
}

// keyName is the name of a node's key in signature lines.
func keyName(origin, node string) string { return origin + "/" + node }

// SignCheckpoint returns a node's two signature lines: as one of the log's
// signers (signature type 1 of c2sp.org/signed-note), and as a cosigner at a
// time (type 4 of c2sp.org/tlog-cosignature). The first can be verified by any
// implementation of signed notes; the second says when, and that the node has
// seen no larger tree.
//
// One key may make both, and sign envelopes too, since no message of one kind is
// one of another: they begin with "weir/", with "cosignature/v1\n", and with
// catalog.SigningContext.
func SignCheckpoint(key ed25519.PrivateKey, node string, c Checkpoint, now time.Time) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("sign a checkpoint: a key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	if now.Unix() < 0 {
		return nil, fmt.Errorf("sign a checkpoint: the clock says %s", now)
	}
	public, text := key.Public().(ed25519.PublicKey), c.Text() //nolint:forcetypeassert // by definition
	name := keyName(c.Origin, node)
	signers := []note.Signer{
		lineSigner{name, keyID(name, 1, public), func(msg []byte) []byte { return ed25519.Sign(key, msg) }},
		lineSigner{name, keyID(name, algCosignature, public), func(msg []byte) []byte {
			at := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
			return append(at, ed25519.Sign(key, cosigned(now.Unix(), msg))...)
		}},
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint as %s: %w", name, err)
	}
	return signed[len(text)+1:], nil
}

// Assemble joins a checkpoint and signature lines to a signed note.
func Assemble(c Checkpoint, lines ...[]byte) []byte {
	return append([]byte(c.Text()+"\n"), slices.Concat(lines...)...)
}

// Open verifies a signed checkpoint of this log. At least need nodes must have
// signed it, each with both of its lines. Signatures of others are ignored, as
// c2sp.org/signed-note demands.
func (t Trust) Open(signed []byte, need int) (Signed, error) {
	if len(signed) > MaxNoteBytes {
		return Signed{}, fmt.Errorf("%w: a checkpoint of %d bytes, at most %d are read", ErrMalformed, len(signed), MaxNoteBytes)
	}
	verifiers, err := t.verifiers()
	if err != nil {
		return Signed{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	if invalid, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return Signed{}, fmt.Errorf("%w: that of %s is forged, or the checkpoint was changed", ErrSignature, invalid.Name)
	}
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		opened = unverified.Note
	} else if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	c, err := ParseCheckpoint(opened.Text)
	if err != nil {
		return Signed{}, err
	}
	if c.Origin != t.Origin {
		return Signed{}, fmt.Errorf("%w: it is one of the log %.100q, want %q", ErrSignature, c.Origin, t.Origin)
	}
	out := Signed{Checkpoint: c}
	if out.Voices, err = t.voices(opened.Sigs); err != nil {
		return Signed{}, err
	}
	if need < 1 || len(out.Voices) < need {
		return Signed{}, fmt.Errorf("%w: %d of the pinned nodes did%s, want %d", ErrThreshold, len(out.Voices), t.named(out.Voices), need)
	}
	return out, nil
}

func (t Trust) named(voices []Voice) string {
	if len(voices) == 0 {
		return ""
	}
	ids := make([]string, len(voices))
	for i, v := range voices {
		ids[i] = v.Node
	}
	return " (" + strings.Join(ids, ", ") + ")"
}

// voices lists the nodes with both of their lines among verified signatures.
func (t Trust) voices(sigs []note.Signature) ([]Voice, error) {
	type key struct {
		name string
		hash uint32
	}
	found := make(map[key][]byte, len(sigs))
	for _, s := range sigs {
		// note.Open lets pass what is not the only form of its bytes.
		b, err := decodeBase64(s.Base64)
		if err != nil {
			return nil, fmt.Errorf("the signature of %s: %w", s.Name, err)
		}
		found[key{s.Name, s.Hash}] = b
	}
	var out []Voice
	for _, n := range t.Nodes {
		name := keyName(t.Origin, n.ID)
		_, plain := found[key{name, keyID(name, 1, n.Key)}]
		cosignature, ok := found[key{name, keyID(name, algCosignature, n.Key)}]
		again := slices.ContainsFunc(out, func(v Voice) bool { return v.Node == n.ID })
		if plain && ok && !again {
			at := binary.BigEndian.Uint64(cosignature[4:])
			out = append(out, Voice{Node: n.ID, Time: int64(at)}) // checked by verifyCosignature
		}
	}
	return out, nil
}

func (t Trust) verifiers() ([]note.Verifier, error) {
	var out []note.Verifier
	for _, n := range t.Nodes {
		name := keyName(t.Origin, n.ID)
		vkey, err := note.NewEd25519VerifierKey(name, n.Key)
		if err != nil {
			return nil, fmt.Errorf("the pinned key of node %s: %w", n.ID, err)
		}
		plain, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("the pinned key of node %s: %w", n.ID, err)
		}
		out = append(out, plain, cosigner{name, n.Key})
	}
	return out, nil
}

// keyID is the first four bytes of SHA-256(name ‖ "\n" ‖ type ‖ key).
func keyID(name string, kind byte, public ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{kind})
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// cosigned is the message of a cosignature: two lines, then the note's text.
func cosigned(at int64, text []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatInt(at, 10)+"\n"), text...)
}

// lineSigner makes one kind of signature line.
type lineSigner struct {
	name string
	id   uint32
	sign func(msg []byte) []byte
}

func (s lineSigner) Name() string                    { return s.name }
func (s lineSigner) KeyHash() uint32                 { return s.id }
func (s lineSigner) Sign(msg []byte) ([]byte, error) { return s.sign(msg), nil }

// cosigner verifies the cosignatures of one key.
type cosigner struct {
	name   string
	public ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return keyID(c.name, algCosignature, c.public) }

func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := int64(binary.BigEndian.Uint64(sig))
	return at >= 0 && ed25519.Verify(c.public, cosigned(at, msg), sig[8:])
}

// ErrMalformed is returned for a text that is not of the form it should have.
var ErrMalformed = errors.New("malformed evidence")

// Checkpoint is the head of a tree: what a node signs.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
}

// Origin names the log of a cluster, whose id is hexadecimal.
func Origin(cluster string) string { return "weir/" + cluster }

// Text is the note text of the checkpoint (c2sp.org/tlog-checkpoint): origin,
// size and root, a line each. It has no extension lines.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ParseCheckpoint is the inverse of [Checkpoint.Text]. Extension lines are
// refused: no node writes them, and nobody could audit them.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint is origin, size and root, a line each", ErrMalformed)
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint's size: %w", ErrMalformed, err)
	}
	if _, err := treeInt(size); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint's size: %w", ErrMalformed, err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("a checkpoint's root: %w", err)
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if c.Text() != text {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint's size %.30q is not in its only form", ErrMalformed, lines[1])
	}
	return c, nil
}

// parseHash reads the base64 of a hash, in its only form.
func parseHash(s string) (Hash, error) {
	b, err := decodeBase64(s)
	if err != nil || len(b) != len(Hash{}) {
		return Hash{}, fmt.Errorf("%w: %.60q is not the base64 of a hash", ErrMalformed, s)
	}
	return Hash(b), nil
}

// decodeBase64 accepts only what encoding would have written: no line breaks
// within, no bits set in the padding.
func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: not base64 in its only form", ErrMalformed)
	}
	return b, nil
}
