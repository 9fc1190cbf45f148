package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// someReceipt proves entries of a log of size entries.
func someReceipt(tb testing.TB, size uint64, key []byte, wanted ...Wanted) (Receipt, Trust) {
	tb.Helper()
	l := &log{}
	for i := range size {
		if err := l.add(fmt.Sprintf("entry %d", i)); err != nil {
			tb.Fatal(err)
		}
	}
	keys, trust := signers(3)
	root, err := l.RootAt(size)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := NewReceipt(l, signWith(tb, keys, Checkpoint{testOrigin, size, root}, 0, 1), size, key, wanted)
	if err != nil {
		tb.Fatal(err)
	}
	return r, trust
}

func mustMarshal(tb testing.TB, r Receipt) []byte {
	tb.Helper()
	b, err := r.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestReceiptsRoundTripAndHold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Uint64Range(1, 40).Draw(rt, "size")
		var wanted []Wanted
		for range rapid.IntRange(1, 6).Draw(rt, "entries") {
			wanted = append(wanted, Wanted{rapid.Uint64Range(0, size-1).Draw(rt, "seq"), rapid.Bool().Draw(rt, "withhold")})
		}
		r, trust := someReceipt(t, size, rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(rt, "key"), wanted...)
		got, err := ParseReceipt(mustMarshal(t, r))
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(r, got, cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("(-written +read)\n%s", d)
		}
		if _, err := got.Verify(trust); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestReceiptIsATlogProof reads a receipt as c2sp.org/tlog-proof says.
func TestReceiptIsATlogProof(t *testing.T) {
	r, trust := someReceipt(t, 21, nil, Wanted{Seq: 13}, Wanted{Seq: 14})
	lines := bytes.Split(mustMarshal(t, r), []byte("\n"))
	if string(lines[0]) != "c2sp.org/tlog-proof@v1" || !bytes.HasPrefix(lines[1], []byte("extra ")) || string(lines[2]) != "index 13" {
		t.Fatalf("it begins with %q", lines[:3])
	}
	var path Proof
	at := 3
	for ; len(lines[at]) > 0; at++ {
		h, err := parseHash(string(lines[at]))
		if err != nil {
			t.Fatal(err)
		}
		path = append(path, h)
	}
	signed, err := trust.Open(bytes.Join(lines[at+1:], []byte("\n")), 2)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := Record{Entry: []byte("entry 13"), Outcome: []byte("done")}.Leaf()
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(path, 13, signed.Size, signed.Root, leaf); err != nil {
		t.Error(err)
	}
}

func TestFlippedBitsInEveryByteOfAReceiptAreNoticed(t *testing.T) {
	r, trust := someReceipt(t, 21, nil, Wanted{Seq: 13}, Wanted{Seq: 2, Withhold: true}, Wanted{Seq: 20})
	good := mustMarshal(t, r)
	for i := range good {
		for _, bit := range []int{i % 8, 5} { // 5 makes one letter another in base64
			bad := slices.Clone(good)
			bad[i] ^= 1 << bit
			got, err := ParseReceipt(bad)
			if err == nil {
				_, err = got.Verify(trust)
			}
			if err == nil {
				t.Fatalf("bit %d of byte %d (%q) is flipped, and nothing is noticed", bit, i, good[i])
			}
		}
	}
	for n := range good {
		got, err := ParseReceipt(good[:n])
		if err == nil {
			_, err = got.Verify(trust)
		}
		if err == nil {
			t.Fatalf("the first %d of %d bytes hold", n, len(good))
		}
	}
}

// A node that rewrites an entry cannot prove the new one to anybody who has a
// checkpoint that others signed.
func TestProofsOfARewrittenEntryAreRefused(t *testing.T) {
	l := &log{}
	for i := range 12 {
		if err := l.add(fmt.Sprintf("entry %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	keys, trust := signers(3)
	root, err := l.RootAt(12)
	if err != nil {
		t.Fatal(err)
	}
	signed := signWith(t, keys, Checkpoint{testOrigin, 12, root}, 1, 2)
	forged, err := l.rewrite(5, "another entry")
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{5, 4, 11} {
		r, err := NewReceipt(forged, signed, 12, nil, []Wanted{{Seq: seq}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(trust); !errors.Is(err, ErrProof) {
			t.Errorf("entry %d: %v", seq, err)
		}
	}
}

func TestReceiptsThatCannotBeAreNotWritten(t *testing.T) {
	r, _ := someReceipt(t, 5, nil, Wanted{Seq: 1}, Wanted{Seq: 2})
	many := r
	many.Entries = slices.Repeat(r.Entries, MaxReceiptEntries)
	long := r
	long.Entries = slices.Clone(r.Entries)
	long.Entries[1].Path = make(Proof, 65)
	large := r
	large.Entries = []Proven{{Shown: Shown{Entry: make([]byte, MaxRecordBytes+1)}}}
	for name, bad := range map[string]Receipt{"no entry": {}, "many entries": many, "a long path": long, "a large entry": large, "a long key": {Key: make([]byte, 256), Entries: r.Entries}} {
		if _, err := bad.Marshal(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func FuzzParseReceipt(f *testing.F) {
	r, trust := someReceipt(f, 21, []byte("key"), Wanted{Seq: 13}, Wanted{Seq: 2, Withhold: true})
	good := mustMarshal(f, r)
	f.Add(good)
	f.Add(good[:len(good)/2])
	one, _ := someReceipt(f, 1, nil, Wanted{Seq: 0})
	f.Add(mustMarshal(f, one))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra AQAAAAEAAAAAAAAAAAA=\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseReceipt(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("not ErrMalformed: %v", err)
			}
			return
		}
		if again, err := got.Marshal(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("a receipt is written in another form than it was read in (%v)", err)
		}
		_, _ = got.Verify(trust) // must not panic
	})
}
