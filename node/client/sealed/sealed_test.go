package sealed

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func newFiles(t *testing.T) Files {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return New(key)
}

// What is sealed is read with the same key under the same name, and nothing else is read:
// not a file in another one's place, one that was cut or changed, nor with another key.
func TestASealedFileIsReadInItsPlaceAndWhole(t *testing.T) {
	spool := t.TempDir()
	c := newFiles(t)
	name, other := filepath.Join(spool, c.Name("record", "plants", "1")), filepath.Join(spool, c.Name("record", "plants", "2"))
	plain := []byte("a reading of 12.5")
	for range 2 { // again, in its place
		if err := c.Write(name, plain); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, plain[:6]) {
		t.Error("the file has the text")
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 1 {
		t.Errorf("files %v, %v", left, err)
	}
	read := func(c Files, name string) []byte {
		t.Helper()
		b, err := c.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if got := read(c, name); !bytes.Equal(got, plain) {
		t.Errorf("read %q", got)
	}
	if got := read(c, other); got != nil {
		t.Errorf("what is not there: %q", got)
	}
	if got := read(newFiles(t), name); got != nil {
		t.Errorf("with another key: %q", got)
	}
	for what, b := range map[string][]byte{"in another place": sealed, "cut": sealed[:len(sealed)-1], "empty": nil, "of another format": append([]byte{2}, sealed[1:]...), "changed": append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1)} {
		at := name
		if what == "in another place" {
			at = other
		}
		if err := os.WriteFile(at, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := read(c, at); got != nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// A stream is read in its place and whole, whatever its length; cut, changed, with its
// segments exchanged, in another place or with another key it is damaged. Files of the
// first format are read as well.
func TestASealedStreamIsReadInItsPlaceAndWhole(t *testing.T) {
	spool := t.TempDir()
	c := newFiles(t)
	name := filepath.Join(spool, c.Name("record", "plants", "1"))
	read := func(c Files, name string) ([]byte, error) {
		in, err := c.Open(name)
		if err != nil || in == nil {
			return nil, err
		}
		b, err := io.ReadAll(in)
		return b, errors.Join(err, in.Close())
	}
	if b, err := read(c, name); b != nil || err != nil {
		t.Fatalf("what is not there: %q, %v", b, err)
	}
	for _, n := range []int{0, 1, segmentSize - 1, segmentSize, segmentSize + 1, 3*segmentSize + 7} {
		plain := bytes.Repeat([]byte("a reading of 12.5 "), n/18+1)[:n]
		if err := c.WriteStream(name, func(w io.Writer) error {
			for part := range slices.Chunk(plain, 1000) {
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := read(c, name); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: read %d, %v", n, len(got), err)
		}
	}
	sealed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("reading")) {
		t.Error("the file has the text")
	}
	const segment = segmentSize + 16
	swapped := slices.Concat(sealed[:33], sealed[33+segment:33+2*segment], sealed[33:33+segment], sealed[33+2*segment:])
	changed := bytes.Clone(sealed)
	changed[40] ^= 1
	for what, b := range map[string][]byte{
		"cut": sealed[:len(sealed)-1], "without the last segment": sealed[:33+3*segment], "without a segment": slices.Concat(sealed[:33+segment], sealed[33+2*segment:]),
		"segments exchanged": swapped, "changed": changed, "empty": {}, "without segments": sealed[:33], "longer": append(bytes.Clone(sealed), 0),
	} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(c, name); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := filepath.Join(spool, c.Name("record", "plants", "2"))
	if err := os.WriteFile(other, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(c, other); !errors.Is(err, ErrDamaged) {
		t.Errorf("in another place: %v", err)
	}
	if err := c.Write(name, []byte("of before")); err != nil {
		t.Fatal(err)
	}
	if got, err := read(c, name); err != nil || string(got) != "of before" {
		t.Errorf("the first format: %q, %v", got, err)
	}
}
