package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Reader reads one consistent version of the store: nil, nil for a missing key.
type Reader interface {
	Get(key []byte) ([]byte, error)
}

// Writer is a Reader that also collects changes and reads its own.
type Writer interface {
	Reader
	Set(key, value []byte) error
}

// Key kinds. They are the first byte of every key of this package.
const (
	kindRecord = 'r'
	kindHashes = 'h'

	// KeySize is the length of every key that this package writes.
	KeySize = 1 + 8
)

func key(kind byte, seq uint64) []byte {
	k := make([]byte, KeySize)
	k[0] = kind
	binary.BigEndian.PutUint64(k[1:], seq)
	return k
}

// Append adds the record as leaf number seq and returns the leaf's hash. seq is
// the size of the tree before.
func Append(w Writer, seq uint64, rec Record) (Hash, error) {
	encoded, err := rec.Encode()
	if err != nil {
		return Hash{}, err
	}
	n, err := treeInt(seq)
	if err != nil {
		return Hash{}, err
	}
	if seq > 0 {
		// Half of all leaves complete nothing, so that hashing them reads
		// nothing: without this look a gap before one would go unnoticed.
		if _, err := Leaf(w, seq-1); err != nil {
			return Hash{}, fmt.Errorf("append leaf %d: %w", seq, err)
		}
	}
	leaf, err := rec.Leaf()
	if err != nil {
		return Hash{}, err
	}
	hashes, err := tlog.StoredHashesForRecordHash(n, leaf, hashReader{w})
	if err != nil {
		return Hash{}, fmt.Errorf("hash leaf %d: %w", seq, err)
	}
	packed := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		packed = append(packed, h[:]...)
	}
	if err := w.Set(key(kindRecord, seq), encoded); err != nil {
		return Hash{}, fmt.Errorf("store record %d: %w", seq, err)
	}
	if err := w.Set(key(kindHashes, seq), packed); err != nil {
		return Hash{}, fmt.Errorf("store the hashes of leaf %d: %w", seq, err)
	}
	return leaf, nil
}

// ReadRecord returns leaf number seq, checked against its stored hash.
func ReadRecord(r Reader, seq uint64) (Record, error) {
	encoded, err := r.Get(key(kindRecord, seq))
	if err != nil {
		return Record{}, fmt.Errorf("read record %d: %w", seq, err)
	}
	if encoded == nil {
		return Record{}, fmt.Errorf("%w: record %d is missing", ErrCorrupt, seq)
	}
	rec, err := DecodeRecord(encoded)
	if err != nil {
		return Record{}, fmt.Errorf("record %d: %w", seq, err)
	}
	stored, err := Leaf(r, seq)
	if err != nil {
		return Record{}, err
	}
	if leaf, err := rec.Leaf(); err != nil || leaf != stored {
		return Record{}, fmt.Errorf("%w: record %d does not have the hash that its leaf has", ErrCorrupt, seq)
	}
	return rec, nil
}

// Shorten keeps of entry seq nothing but what short makes of it, beside its digest and its outcome. The
// leaf stays, and with it every proof and receipt. What is short already stays as it is.
func Shorten(w Writer, seq uint64, short func(entry []byte) ([]byte, error)) error {
	rec, err := ReadRecord(w, seq)
	if err != nil || rec.Shortened {
		return err
	}
	kept, err := short(rec.Entry)
	if err != nil {
		return fmt.Errorf("shorten entry %d: %w", seq, err)
	}
	rec = Record{Shortened: true, Digest: rec.EntryDigest(), Short: kept, Outcome: rec.Outcome, Void: rec.Void}
	encoded, err := rec.Encode()
	if err != nil {
		return fmt.Errorf("shorten entry %d: %w", seq, err)
	}
	if err := w.Set(key(kindRecord, seq), encoded); err != nil {
		return fmt.Errorf("store record %d: %w", seq, err)
	}
	return nil
}

// Leaf returns the hash of leaf number seq.
func Leaf(r Reader, seq uint64) (Hash, error) {
	n, err := treeInt(seq)
	if err != nil {
		return Hash{}, err
	}
	hashes, err := hashReader{r}.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
	if err != nil {
		return Hash{}, err
	}
	return hashes[0], nil
}

// Root returns the tree's hash when it had size leaves. The root of the empty
// tree is SHA-256 of nothing.
func Root(r Reader, size uint64) (Hash, error) {
	n, err := treeInt(size)
	if err != nil {
		return Hash{}, err
	}
	root, err := tlog.TreeHash(n, hashReader{r})
	if err != nil {
		return Hash{}, fmt.Errorf("root of the tree of %d leaves: %w", size, err)
	}
	return root, nil
}

// treeInt refuses sizes that the tree's arithmetic, which counts hashes in an
// int64, cannot hold.
func treeInt(n uint64) (int64, error) {
	if n > math.MaxInt64/4 {
		return 0, fmt.Errorf("%d is not a size that a log can have", n)
	}
	return int64(n), nil
}

func treeInts(a, b uint64) (int64, int64, error) {
	x, err := treeInt(a)
	if err != nil {
		return 0, 0, err
	}
	y, err := treeInt(b)
	return x, y, err
}

// hashReader finds tlog's stored hashes in the packed form of Append: the hash
// at (level, n) is the level-th one of the leaf that completes its subtree.
type hashReader struct{ r Reader }

var _ tlog.HashReader = hashReader{}

// ReadHashes implements [tlog.HashReader].
func (h hashReader) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		leaf := uint64(n+1)<<level - 1 // n ≥ 0, index came from tlog
		packed, err := h.r.Get(key(kindHashes, leaf))
		if err != nil {
			return nil, fmt.Errorf("read the hashes of leaf %d: %w", leaf, err)
		}
		if want := (1 + bits.TrailingZeros64(leaf+1)) * tlog.HashSize; len(packed) != want {
			return nil, fmt.Errorf("%w: %d bytes of hashes at leaf %d, want %d", ErrCorrupt, len(packed), leaf, want)
		}
		copy(out[i][:], packed[level*tlog.HashSize:])
	}
	return out, nil
}

// ErrProof is returned when a proof does not lead to the root it claims.
var ErrProof = errors.New("evidence proof does not hold")

// Proof is the audit path of a leaf (RFC 6962, section 2.1.1).
type Proof = tlog.RecordProof

// Consistency shows that one tree is the beginning of another (RFC 6962,
// section 2.1.2).
type Consistency = tlog.TreeProof

// Prove returns the path from leaf seq to the root of the tree of size leaves.
func Prove(r Reader, seq, size uint64) (Proof, error) {
	n, t, err := treeInts(seq, size)
	if err != nil {
		return nil, err
	}
	if n >= t {
		return nil, fmt.Errorf("prove leaf %d: the tree of %d leaves does not have it", seq, size)
	}
	p, err := tlog.ProveRecord(t, n, hashReader{r})
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d in a tree of %d: %w", seq, size, err)
	}
	return p, nil
}

// ProveConsistency shows that the first oldSize leaves of the tree of newSize
// leaves are the tree of oldSize leaves. oldSize is at least 1: the empty tree
// is the beginning of every tree.
func ProveConsistency(r Reader, oldSize, newSize uint64) (Consistency, error) {
	o, n, err := treeInts(oldSize, newSize)
	if err != nil {
		return nil, err
	}
	if o < 1 || o > n {
		return nil, fmt.Errorf("prove consistency: %d is not between 1 and %d", oldSize, newSize)
	}
	p, err := tlog.ProveTree(n, o, hashReader{r})
	if err != nil {
		return nil, fmt.Errorf("prove that %d leaves begin a tree of %d: %w", oldSize, newSize, err)
	}
	return p, nil
}

// Check verifies that the leaf with hash leaf is number seq of the tree with
// that size and root. It needs no store.
func Check(p Proof, seq, size uint64, root, leaf Hash) error {
	n, t, err := treeInts(seq, size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if err := tlog.CheckRecord(p, t, root, n, leaf); err != nil {
		return fmt.Errorf("%w: leaf %d of %d: %w", ErrProof, seq, size, err)
	}
	return nil
}

// CheckConsistency verifies that the tree (oldSize, oldRoot) is the beginning of
// the tree (newSize, newRoot). It needs no store.
func CheckConsistency(p Consistency, oldSize uint64, oldRoot Hash, newSize uint64, newRoot Hash) error {
	o, n, err := treeInts(oldSize, newSize)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if err := tlog.CheckTree(p, n, newRoot, o, oldRoot); err != nil {
		return fmt.Errorf("%w: %d leaves as the beginning of %d: %w", ErrProof, oldSize, newSize, err)
	}
	return nil
}
