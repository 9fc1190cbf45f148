package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	// MaxReceiptBytes bounds a receipt that is read.
	MaxReceiptBytes = 4 << 20
	// MaxReceiptEntries bounds the entries of a receipt.
	MaxReceiptEntries = 64
)

// Receipt proves entries of the log to whoever pins its nodes' keys. Its text is
// a proof of c2sp.org/tlog-proof about the first entry; the "extra" line holds
// what is needed beside it: the records, and the paths of the other entries to
// the same checkpoint. See [Receipt.Marshal].
type Receipt struct {
	// Key is the Ed25519 key of the principal who signed the first entry, or
	// empty. It is not proven: the reader compares it with the principal's id.
	Key     []byte
	Entries []Proven // at least one
	// Checkpoint is the signed note.
	Checkpoint []byte
}

// Proven is an entry and its path to the checkpoint.
type Proven struct {
	Index uint64
	Shown Shown
	Path  Proof
}

// Source is where the builder of a receipt finds records and proofs.
type Source interface {
	Record(seq uint64) (Record, error)
	Proof(seq, size uint64) (Proof, error)
}

// Wanted names an entry to prove, whole or with the entry itself withheld.
type Wanted struct {
	Seq      uint64
	Withhold bool
}

// NewReceipt proves entries against a signed checkpoint of a tree of size leaves.
func NewReceipt(src Source, checkpoint []byte, size uint64, key []byte, wanted []Wanted) (Receipt, error) {
	r := Receipt{Key: key, Checkpoint: checkpoint}
	for _, w := range wanted {
		rec, err := src.Record(w.Seq)
		if err != nil {
			return r, fmt.Errorf("prove entry %d: %w", w.Seq, err)
		}
		path, err := src.Proof(w.Seq, size)
		if err != nil {
			return r, fmt.Errorf("prove entry %d: %w", w.Seq, err)
		}
		p := Proven{Index: w.Seq, Shown: rec.Show(), Path: path}
		if w.Withhold {
			p.Shown = rec.Withhold()
		}
		r.Entries = append(r.Entries, p)
	}
	return r, nil
}

// Verify checks the signatures and every entry's inclusion. What the entries say
// is for the caller to read; they are what the nodes that signed all recorded.
func (r Receipt) Verify(t Trust) (Signed, error) {
	signed, err := t.Open(r.Checkpoint, t.Threshold)
	if err != nil {
		return signed, err
	}
	for _, e := range r.Entries {
		if err := Check(e.Path, e.Index, signed.Size, signed.Root, e.Shown.Leaf()); err != nil {
			return signed, fmt.Errorf("inclusion of entry %d: %w", e.Index, err)
		}
	}
	return signed, nil
}

// Marshal returns the receipt's text:
//
//	c2sp.org/tlog-proof@v1
//	extra BASE64
//	index N
//	HASH…               the first entry's path, a line each
//
//	ORIGIN              the signed checkpoint
//	…
//
// The leaf data that the proof is about is that of [Shown.Leaf]. Extra is, in
// big endian: version (1), length of the key (1), key, number of hashes (2) and
// hashes (32 each) that are in some other entry's path and not in the first's,
// number of entries (1), and the entries: shown as flags (1; 1 void, 2
// withheld), entry with its length (4) or its digest (32), outcome with its
// length (4). All but the first follow with their index (8) and their path, a
// number (1) and so many references (2 each), which count through the hashes of
// the first path and then those of the table.
func (r Receipt) Marshal() ([]byte, error) {
	if len(r.Entries) < 1 || len(r.Entries) > MaxReceiptEntries || len(r.Key) > 255 {
		return nil, fmt.Errorf("write a receipt: %d entries and a key of %d bytes", len(r.Entries), len(r.Key))
	}
	extra, err := r.extra()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(extra), r.Entries[0].Index)
	for _, h := range r.Entries[0].Path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteByte('\n')
	b.Write(r.Checkpoint)
	return b.Bytes(), nil
}

// ParseReceipt reads what Marshal writes, and accepts nothing that it would not
// have written. It verifies nothing.
func ParseReceipt(b []byte) (Receipt, error) {
	if len(b) > MaxReceiptBytes {
		return Receipt{}, fmt.Errorf("%w: a receipt of %d bytes, at most %d are read", ErrMalformed, len(b), MaxReceiptBytes)
	}
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) < 3 || lines[0] != proofHeader {
		return Receipt{}, fmt.Errorf("%w: not a receipt: it does not begin with %q, or a part is missing", ErrMalformed, proofHeader)
	}
	text, isExtra := strings.CutPrefix(lines[1], "extra ")
	number, isIndex := strings.CutPrefix(lines[2], "index ")
	if !isExtra || !isIndex {
		return Receipt{}, fmt.Errorf("%w: a receipt's second line is \"extra\", its third \"index\"", ErrMalformed)
	}
	extra, err := decodeBase64(text)
	if err != nil {
		return Receipt{}, fmt.Errorf("a receipt's extra line: %w", err)
	}
	index, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: a receipt's index: %w", ErrMalformed, err)
	}
	var path Proof
	for _, line := range lines[3:] {
		h, err := parseHash(line)
		if err != nil {
			return Receipt{}, fmt.Errorf("a receipt's path: %w", err)
		}
		path = append(path, h)
	}
	r := Receipt{Checkpoint: checkpoint}
	if err := r.readExtra(extra, index, path); err != nil {
		return Receipt{}, fmt.Errorf("a receipt's extra line: %w", err)
	}
	again, err := r.Marshal()
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if !bytes.Equal(again, b) {
		return Receipt{}, fmt.Errorf("%w: a receipt that is not in its only form", ErrMalformed)
	}
	return r, nil
}

// table numbers the hashes of all paths, the first entry's first, each in the
// order of its first use.
func (r Receipt) table() (hashes []Hash, at map[Hash]int) {
	at = make(map[Hash]int)
	for i, e := range r.Entries {
		for _, h := range e.Path {
			if _, known := at[h]; !known || i == 0 {
				at[h] = len(hashes)
				hashes = append(hashes, h)
			}
		}
	}
	return hashes, at
}

// maxTable bounds the distinct hashes of a receipt.
const maxTable = 1 << 15

const (
	extraVersion  = 1
	shownVoid     = 1 << 0
	shownWithheld = 1 << 1
)

// extra encodes what Marshal's comment says.
func (r Receipt) extra() ([]byte, error) {
	hashes, at := r.table()
	long := slices.ContainsFunc(r.Entries, func(e Proven) bool { return len(e.Path) > 64 })
	if long || len(hashes) > maxTable { // no tree asks for that
		return nil, errors.New("write a receipt: too many hashes")
	}
	b := append([]byte{extraVersion, byte(len(r.Key))}, r.Key...)
	others := hashes[len(r.Entries[0].Path):]
	b = binary.BigEndian.AppendUint16(b, uint16(len(others))) // bounded by maxTable
	for _, h := range others {
		b = append(b, h[:]...)
	}
	b = append(b, byte(len(r.Entries)))
	for i, e := range r.Entries {
		if len(e.Shown.Entry) > MaxRecordBytes || len(e.Shown.Outcome) > MaxRecordBytes {
			return nil, fmt.Errorf("write a receipt: entry %d is larger than %d bytes", e.Index, MaxRecordBytes)
		}
		b = appendShown(b, e.Shown)
		if i == 0 {
			continue
		}
		b = binary.BigEndian.AppendUint64(b, e.Index)
		b = append(b, byte(len(e.Path)))
		for _, h := range e.Path {
			b = binary.BigEndian.AppendUint16(b, uint16(at[h]))
		}
	}
	return b, nil
}

func appendShown(b []byte, s Shown) []byte {
	var f byte
	if s.Void {
		f |= shownVoid
	}
	if s.Withheld {
		b = append(append(b, f|shownWithheld), s.Digest[:]...)
	} else {
		b = binary.BigEndian.AppendUint32(append(b, f), uint32(len(s.Entry)))
		b = append(b, s.Entry...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.Outcome)))
	return append(b, s.Outcome...)
}

// cursor reads from bytes; after the first failure it reads zeros.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n uint64) []byte {
	if n > uint64(len(c.rest)) {
		c.bad, c.rest = true, nil
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

// number reads a big-endian number of so many bytes.
func (c *cursor) number(bytes uint64) uint64 {
	var n uint64
	for _, b := range c.take(bytes) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (c *cursor) shown() Shown {
	f := c.number(1)
	s := Shown{Void: f&shownVoid != 0, Withheld: f&shownWithheld != 0}
	if s.Withheld {
		copy(s.Digest[:], c.take(sha256.Size))
	} else {
		s.Entry = c.take(c.number(4))
		s.Digest = sha256.Sum256(s.Entry)
	}
	s.Outcome = c.take(c.number(4))
	c.bad = c.bad || f > shownVoid|shownWithheld || s.Void && len(s.Outcome) > 0
	return s
}

// readExtra decodes extra into the receipt, beside the first entry's index and
// path. Parse's comparison refuses the forms that extra would not write.
func (r *Receipt) readExtra(b []byte, index uint64, path Proof) error {
	c := &cursor{rest: b}
	if v := c.number(1); v != extraVersion {
		return fmt.Errorf("%w: version %d, known is %d", ErrMalformed, v, extraVersion)
	}
	r.Key = c.take(c.number(1))
	hashes := append([]Hash(nil), path...)
	for n := c.number(2); n > 0 && !c.bad; n-- {
		var h Hash
		copy(h[:], c.take(uint64(len(h))))
		hashes = append(hashes, h)
	}
	entries := c.number(1)
	for i := uint64(0); i < entries && !c.bad; i++ {
		p := Proven{Index: index, Shown: c.shown(), Path: path}
		if i > 0 {
			p.Index, p.Path = c.number(8), nil
			for n := c.number(1); n > 0 && !c.bad; n-- {
				at := c.number(2)
				if at >= uint64(len(hashes)) {
					return fmt.Errorf("%w: it refers to hash %d of %d", ErrMalformed, at, len(hashes))
				}
				p.Path = append(p.Path, hashes[at])
			}
		}
		r.Entries = append(r.Entries, p)
	}
	if c.bad || len(c.rest) > 0 || index > math.MaxInt64 {
		return fmt.Errorf("%w: it ends too early, or goes on", ErrMalformed)
	}
	return nil
}
