package evidence

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// memory is a store in memory.
type memory map[string][]byte

func (m memory) Get(key []byte) ([]byte, error) { return m[string(key)], nil }

func (m memory) Set(key, value []byte) error {
	m[string(key)] = value
	return nil
}

func fill(tb testing.TB, n int) (memory, []Hash) {
	tb.Helper()
	m := memory{}
	var leaves []Hash
	for i := range n {
		h, err := Append(m, uint64(i), Record{Entry: fmt.Appendf(nil, "entry %d", i), Outcome: fmt.Appendf(nil, "outcome %d", i)})
		if err != nil {
			tb.Fatal(err)
		}
		leaves = append(leaves, h)
	}
	return m, leaves
}

// rfc6962 is the tree's hash straight from the definition.
func rfc6962(leaves []Hash) Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		left, right := rfc6962(leaves[:k]), rfc6962(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

func TestRootIsThatOfRFC6962(t *testing.T) {
	const n = 70
	m, leaves := fill(t, n)
	for size := range n + 1 {
		got, err := Root(m, uint64(size))
		if err != nil {
			t.Fatal(err)
		}
		if want := rfc6962(leaves[:size]); got != want {
			t.Errorf("root of %d leaves: %x, want %x", size, got, want)
		}
	}
}

// TestKnownHashes pins the encoding of a leaf: receipts outlive programs.
func TestKnownHashes(t *testing.T) {
	rec := Record{Entry: []byte("entry"), Outcome: []byte("ok")}
	encoded, err := rec.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte{2, 0, 0, 0, 0, 5}, "entry\x00\x00\x00\x02ok"...)
	if !bytes.Equal(encoded, want) {
		t.Errorf("encoded as %x, want %x", encoded, want)
	}
	digest := sha256.Sum256([]byte("entry"))
	data := append(append([]byte{0, 2, 0}, digest[:]...), "ok"...)
	if got, err := rec.Leaf(); err != nil || got != sha256.Sum256(data) {
		t.Errorf("leaf %x (%v), want that of %x", got, err, data)
	}
	if rec.Withhold().Leaf() != rec.Show().Leaf() {
		t.Error("a record that withholds its entry has another leaf")
	}
}

func TestEveryProofHolds(t *testing.T) {
	const n = 33
	m, leaves := fill(t, n)
	for size := uint64(1); size <= n; size++ {
		root, err := Root(m, size)
		if err != nil {
			t.Fatal(err)
		}
		for seq := range size {
			p, err := Prove(m, seq, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(p, seq, size, root, leaves[seq]); err != nil {
				t.Fatal(err)
			}
			wrong := leaves[seq]
			wrong[0] ^= 1
			if err := Check(p, seq, size, root, wrong); !errors.Is(err, ErrProof) {
				t.Fatalf("another leaf at %d of %d: %v", seq, size, err)
			}
			if err := Check(p, (seq+1)%size, size, root, leaves[seq]); size > 1 && !errors.Is(err, ErrProof) {
				t.Fatalf("leaf %d of %d as another one: %v", seq, size, err)
			}
		}
		for old := uint64(1); old <= size; old++ {
			oldRoot, err := Root(m, old)
			if err != nil {
				t.Fatal(err)
			}
			p, err := ProveConsistency(m, old, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckConsistency(p, old, oldRoot, size, root); err != nil {
				t.Fatal(err)
			}
			oldRoot[5] ^= 1
			if err := CheckConsistency(p, old, oldRoot, size, root); !errors.Is(err, ErrProof) {
				t.Fatalf("another beginning: %v", err)
			}
		}
	}
}

func TestProofsOfWhatIsNotThereAreRefused(t *testing.T) {
	m, _ := fill(t, 5)
	if _, err := Prove(m, 5, 5); err == nil {
		t.Error("a leaf beyond the tree was proved")
	}
	if _, err := Prove(m, 2, 9); err == nil {
		t.Error("a leaf was proved in a tree that is not there")
	}
	for _, c := range [][2]uint64{{0, 5}, {6, 5}, {2, 9}, {1 << 62, 1 << 63}} {
		if _, err := ProveConsistency(m, c[0], c[1]); err == nil {
			t.Errorf("consistency of %d and %d was proved", c[0], c[1])
		}
	}
	if _, err := Root(m, 1<<63); err == nil {
		t.Error("an absurd size has a root")
	}
	if err := Check(nil, 1<<63, 1<<63, Hash{}, Hash{}); !errors.Is(err, ErrProof) {
		t.Errorf("an absurd proof: %v", err)
	}
	if err := CheckConsistency(nil, 1<<63, Hash{}, 1<<63, Hash{}); !errors.Is(err, ErrProof) {
		t.Errorf("an absurd consistency proof: %v", err)
	}
}

func TestGapsAreRefused(t *testing.T) {
	for n := range 9 {
		m, _ := fill(t, n)
		if _, err := Append(m, uint64(n)+1, Record{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("leaf %d in a tree of %d: %v", n+1, n, err)
		}
	}
}

func TestDamageIsNoticed(t *testing.T) {
	m, _ := fill(t, 4)
	if r, err := ReadRecord(m, 2); err != nil || string(r.Outcome) != "outcome 2" {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, damage := range map[string]func(memory){
		"missing record":  func(m memory) { delete(m, string(key(kindRecord, 2))) },
		"missing hashes":  func(m memory) { delete(m, string(key(kindHashes, 2))) },
		"short hashes":    func(m memory) { m[string(key(kindHashes, 2))] = make([]byte, 31) },
		"another outcome": func(m memory) { m[string(key(kindRecord, 2))] = m[string(key(kindRecord, 1))] },
	} {
		m, _ := fill(t, 4)
		damage(m)
		if _, err := ReadRecord(m, 2); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failing is a store that cannot be read.
type failing struct{ err error }

func (f failing) Get([]byte) ([]byte, error) { return nil, f.err }

func TestFaultsOfTheStoreAreNotCorruption(t *testing.T) {
	disk := errors.New("the disk is gone")
	_, err := ReadRecord(failing{disk}, 1)
	if !errors.Is(err, disk) || errors.Is(err, ErrCorrupt) {
		t.Errorf("record: %v", err)
	}
	if _, err := Root(failing{disk}, 7); !errors.Is(err, disk) || errors.Is(err, ErrCorrupt) {
		t.Errorf("root: %v", err)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytesGen := rapid.SliceOfN(rapid.Byte(), 0, 200)
		r := Record{Entry: bytesGen.Draw(t, "entry"), Void: rapid.Bool().Draw(t, "void")}
		if !r.Void {
			r.Outcome = bytesGen.Draw(t, "outcome")
		}
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeRecord(b)
		if err != nil || got.Void != r.Void || !bytes.Equal(got.Entry, r.Entry) || !bytes.Equal(got.Outcome, r.Outcome) {
			t.Fatalf("%+v became %+v, %v", r, got, err)
		}
	})
}

func TestRecordsThatCannotBeAreNotEncoded(t *testing.T) {
	for name, r := range map[string]Record{
		"large":             {Entry: make([]byte, MaxRecordBytes)},
		"large outcome":     {Outcome: make([]byte, MaxRecordBytes+1)},
		"void with outcome": {Outcome: []byte("x"), Void: true},
	} {
		if _, err := r.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
		if _, err := Append(memory{}, 0, r); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
}

// A log of which entries are shortened gives the same roots and paths as the whole one, and the short records have the
// leaves of the whole ones.
func TestALogWithShortEntriesProvesTheSame(t *testing.T) {
	const n = 20
	whole, leaves := fill(t, n)
	short, _ := fill(t, n)
	for seq := uint64(0); seq < n; seq += 3 {
		for range 2 { // the second time there is nothing to do
			err := Shorten(short, seq, func(entry []byte) ([]byte, error) { return entry[:1], nil })
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for seq := range uint64(n) {
		rec, err := ReadRecord(short, seq)
		if err != nil || rec.Shortened != (seq%3 == 0) || rec.Shortened && (string(rec.Short) != "e" || rec.Entry != nil) {
			t.Fatalf("entry %d is %+v (%v)", seq, rec, err)
		}
		if leaf, err := rec.Leaf(); err != nil || leaf != leaves[seq] || rec.Show().Leaf() != leaf || rec.Withhold().Leaf() != leaf {
			t.Errorf("entry %d has the leaf %x (%v)", seq, leaf, err)
		}
		a, errA := Prove(whole, seq, n)
		b, errB := Prove(short, seq, n)
		if errA != nil || errB != nil || !slices.Equal(a, b) {
			t.Errorf("the paths of entry %d differ (%v, %v)", seq, errA, errB)
		}
	}
	if _, err := Append(short, n, Record{Shortened: true, Digest: sha256.Sum256([]byte("entry 20")), Outcome: []byte("outcome 20")}); err != nil {
		t.Fatal(err)
	}
	if _, err := Append(whole, n, Record{Entry: []byte("entry 20"), Outcome: []byte("outcome 20")}); err != nil {
		t.Fatal(err)
	}
	a, errA := Root(whole, n+1)
	if b, errB := Root(short, n+1); errA != nil || errB != nil || a != b {
		t.Errorf("the roots differ (%v, %v)", errA, errB)
	}
	short[string(key(kindRecord, 0))][2] ^= 1 // of the digest
	if _, err := ReadRecord(short, 0); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a short record of another entry: %v", err)
	}
	if err := Shorten(short, 1, func([]byte) ([]byte, error) { return nil, errors.New("no") }); err == nil {
		t.Error("what has no short form is shortened")
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, r := range []Record{{}, {Entry: []byte("entry"), Outcome: []byte("outcome")}, {Entry: []byte("e"), Void: true}, {Shortened: true, Digest: sha256.Sum256(nil), Short: []byte("s"), Outcome: []byte("o")}} {
		b, err := r.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{2, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRecord(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("not ErrCorrupt: %v", err)
			}
			return
		}
		again, err := r.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to what encodes as %x, %v", b, again, err)
		}
	})
}

func FuzzCheck(f *testing.F) {
	m, leaves := fill(f, 21)
	root, err := Root(m, 21)
	if err != nil {
		f.Fatal(err)
	}
	p, err := Prove(m, 13, 21)
	if err != nil {
		f.Fatal(err)
	}
	var flat []byte
	for _, h := range p {
		flat = append(flat, h[:]...)
	}
	f.Add(flat, uint64(13), uint64(21))
	f.Add([]byte{}, uint64(0), uint64(0))
	f.Add(flat, uint64(1)<<61, uint64(1)<<63)
	f.Add(flat, uint64(13), uint64(32))
	f.Fuzz(func(t *testing.T, flat []byte, seq, size uint64) {
		var got Proof
		for ; len(flat) >= 32; flat = flat[32:] {
			got = append(got, Hash(flat[:32]))
		}
		// Only the true leaf, at its place, has a path to this root, and only one path. A
		// size alone proves nothing: leaf 13 has the same path in a tree of 32 leaves, if
		// that had this root. Checkpoints sign both.
		if err := Check(got, seq, size, root, leaves[13]); err == nil && size == 21 && (seq != 13 || !slices.Equal(got, p)) {
			t.Fatalf("leaf 13 of 21 proved as %d of %d by %x", seq, size, got)
		}
		_ = CheckConsistency(Consistency(got), seq, leaves[13], size, root) // must not panic
	})
}

func BenchmarkAppend(b *testing.B) {
	m := memory{}
	rec := Record{Entry: make([]byte, 1024), Outcome: make([]byte, 256)}
	var bytes int
	for i := 0; b.Loop(); i++ {
		if _, err := Append(m, uint64(i), rec); err != nil {
			b.Fatal(err)
		}
	}
	for k, v := range m {
		bytes += len(k) + len(v)
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "stored_bytes/leaf")
}
