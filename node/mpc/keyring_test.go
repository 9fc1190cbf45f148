package mpc

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
)

var update = flag.Bool("update", false, "write golden files anew")

// A node's part of a key must stay readable for as long as there is data under
// that key, so the layout of version 1 is pinned by a file.
func TestKeyRecordOfVersion1StaysReadable(t *testing.T) {
	t.Parallel()
	want := keyRecord{
		Version: 1, Key: "k-0011223344556677", Epoch: 3, Attempt: 2, Point: 2,
		Share:  bytes.Repeat([]byte{0x5a, 0xa5}, 40),
		Pairs:  []pairSeed{{Point: 1, Seed: bytes.Repeat([]byte{1}, 32)}, {Point: 3, Seed: bytes.Repeat([]byte{3}, 32)}},
		Secret: bytes.Repeat([]byte{9}, 32),
	}
	file := filepath.Join("testdata", "keyrecord.v1")
	encoded, err := encodeRecord(want)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, encoded, 0o644); err != nil { //nolint:gosec // no secret
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, encoded) {
		t.Errorf("the record is written as\n%q, the file has\n%q", encoded, golden)
	}
	got, err := decodeRecord(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +read)\n%s", d)
	}
}

func TestKeyRecordsThatAreNotWholeAreRefused(t *testing.T) {
	t.Parallel()
	whole, err := encodeRecord(keyRecord{Version: 1, Key: "k-1", Share: []byte{1}, Secret: []byte{2}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for _, b := range [][]byte{whole[:i], flipped(whole, i)} {
			if r, err := decodeRecord(b); err == nil {
				t.Fatalf("byte %d: read as %+v", i, r)
			}
		}
	}
	later, err := encodeRecord(keyRecord{Version: 2})
	if err != nil {
		t.Fatal(err)
	}
	unknown := []byte(`{"v":1,"surplus":true}`)
	d := catalog.Sum(unknown)
	for _, b := range [][]byte{later, append(d[:], unknown...)} {
		if r, err := decodeRecord(b); err == nil {
			t.Errorf("read as %+v", r)
		}
	}
}

func flipped(b []byte, i int) []byte {
	c := bytes.Clone(b)
	c[i] ^= 1
	return c
}

func FuzzDecodeRecord(f *testing.F) {
	b, err := encodeRecord(keyRecord{Version: 1, Key: "k-1", Pairs: []pairSeed{{Point: 2, Seed: []byte{1}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[32:])
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := catalog.Sum(body)
		r, err := decodeRecord(append(d[:], body...))
		if err != nil {
			return
		}
		again, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRecord(again)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, back); d != "" {
			t.Errorf("(-read +read again)\n%s", d)
		}
	})
}
