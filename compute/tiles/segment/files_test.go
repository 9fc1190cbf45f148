package segment

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func open(t *testing.T, dir string, fileBytes int64, pointers ...Pointer) *Files {
	t.Helper()
	x, err := Open(dir, pointers, Options{FileBytes: fileBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func add(t *testing.T, x *Files, b []byte) Pointer {
	t.Helper()
	p, err := x.Append(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, x *Files, p Pointer) []byte {
	t.Helper()
	b, release, err := x.Hold(p)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	return bytes.Clone(b)
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestFilesAreReadAsTheyWereWritten: in files that follow each other, and when they are opened again with some of the
// pointers: files without any are removed, and what is appended overwrites nothing that a pointer names.
func TestFilesAreReadAsTheyWereWritten(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, 1000)
	blobs := map[Pointer][]byte{}
	var pointers []Pointer
	for i := range 12 {
		b := bytes.Repeat([]byte{byte(i + 1)}, 300+i)
		p := add(t, x, b)
		pointers, blobs[p] = append(pointers, p), b
	}
	check := func(x *Files, pointers []Pointer) {
		t.Helper()
		for _, p := range pointers {
			if !bytes.Equal(read(t, x, p), blobs[p]) {
				t.Errorf("%+v has other bytes", p)
			}
		}
	}
	check(x, pointers)
	if got := names(t, dir); !slices.Equal(got, []string{"00000001.seg", "00000002.seg", "00000003.seg"}) { // of four each
		t.Errorf("files %v", got)
	}
	if err := x.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first := pointers[0].File
	kept := slices.DeleteFunc(slices.Clone(pointers), func(p Pointer) bool { return p.File == first })
	x = open(t, dir, 1000, kept...)
	check(x, kept)
	if got := names(t, dir); slices.Contains(got, "00000001.seg") || !slices.Contains(got, "other.txt") {
		t.Errorf("files %v", got)
	}
	if _, _, err := x.Hold(pointers[0]); !errors.Is(err, ErrGone) {
		t.Errorf("a pointer into a file that was removed: %v", err)
	}
	last := kept[len(kept)-1]
	if _, _, err := x.Hold(Pointer{File: last.File, Offset: last.Offset + 1<<20, Length: 10}); !errors.Is(err, ErrGone) {
		t.Errorf("a pointer behind the end: %v", err)
	}
	b := []byte("behind all others")
	p := add(t, x, b)
	blobs[p] = b
	if slices.ContainsFunc(kept, func(k Pointer) bool {
		return k.File == p.File && p.Offset < k.end() && k.Offset < p.end()
	}) {
		t.Errorf("%+v lies on another one", p)
	}
	check(x, append(kept, p))
	if _, err := x.Append(make([]byte, 1001)); err == nil {
		t.Error("a blob that is larger than a file is taken")
	}
}

// TestAFileIsRemovedWhenNobodyHoldsIt: its bytes can be read until then, and its room comes back afterwards.
func TestAFileIsRemovedWhenNobodyHoldsIt(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, 1000)
	p, q := add(t, x, bytes.Repeat([]byte{1}, 500)), add(t, x, bytes.Repeat([]byte{2}, 500))
	r := add(t, x, bytes.Repeat([]byte{3}, 10))
	if p.File != q.File || r.File == p.File {
		t.Fatalf("%+v, %+v, %+v", p, q, r)
	}
	b, release, err := x.Hold(q)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.Sparse(0.9); len(got) != 0 {
		t.Errorf("%v are sparse before anything is forgotten", got)
	}
	x.Forget(p)
	x.Forget(q)
	if got := x.Sparse(0.5); !slices.Equal(got, []uint32{p.File}) {
		t.Errorf("%v are sparse", got)
	}
	if err := x.Remove(p.File); err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Hold(q); !errors.Is(err, ErrGone) {
		t.Errorf("held anew after it was removed: %v", err)
	}
	if !bytes.Equal(b, bytes.Repeat([]byte{2}, 500)) || len(names(t, dir)) != 2 {
		t.Errorf("the file is gone while it is held: %v", names(t, dir))
	}
	release()
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("files %v", got)
	}
	if err := errors.Join(x.Remove(p.File), x.Sync()); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(read(t, x, r), []byte{3, 3, 3, 3, 3, 3, 3, 3, 3, 3}) {
		t.Error("another file's bytes changed")
	}
}

// TestAnErrorOfTheDiskLeavesNoPointer, and what was there and comes afterwards is whole.
func TestAnErrorOfTheDiskLeavesNoPointer(t *testing.T) {
	broken := errors.New("broken")
	fails := false
	x, err := Open(t.TempDir(), nil, Options{FileBytes: 1000, Write: func(f *os.File, b []byte, at int64) (int, error) {
		if fails {
			n, _ := f.WriteAt(b[:len(b)/2], at)
			return n, broken
		}
		return f.WriteAt(b, at)
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := add(t, x, []byte("before"))
	fails = true
	if _, err := x.Append([]byte("half of it")); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	fails = false
	q := add(t, x, []byte("after"))
	if string(read(t, x, p)) != "before" || string(read(t, x, q)) != "after" {
		t.Error("other bytes")
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Append(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	if _, _, err := x.Hold(p); !errors.Is(err, ErrClosed) {
		t.Errorf("hold after close: %v", err)
	}
	if _, err := Open(t.TempDir(), nil, Options{}); err == nil {
		t.Error("files without a size are opened")
	}
}

// TestAfterASyncThatFailedNoneSucceeds: what it did not write another one would take for written. What was appended
// can be read, and Close closes.
func TestAfterASyncThatFailedNoneSucceeds(t *testing.T) {
	broken, fails := errors.New("broken"), true
	x, err := Open(t.TempDir(), nil, Options{FileBytes: 1000, Sync: func(f *os.File) error {
		if fails {
			return broken
		}
		return f.Sync()
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := add(t, x, []byte("in memory"))
	for _, fails = range []bool{true, false, false} {
		if err := x.Sync(); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
	if string(read(t, x, p)) != "in memory" {
		t.Error("other bytes")
	}
	if err := x.Close(); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
	if _, _, err := x.Hold(p); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

// TestWhatAProcessDidNotSyncIsSyncedByTheNextOne: it was killed, so its bytes are in memory alone, and the next one finds
// them, says that it has them, and syncs.
func TestWhatAProcessDidNotSyncIsSyncedByTheNextOne(t *testing.T) {
	dir := t.TempDir()
	killed := open(t, dir, 1000)
	var pointers []Pointer
	for range 5 { // of which four fill the first file
		pointers = append(pointers, add(t, killed, make([]byte, 300)))
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	x := open(t, copied, 1000, pointers...)
	if st, err := os.Stat(x.path(1)); err != nil || st.Size() != 4*320 {
		t.Errorf("a full file was not synced, and ended, when it was opened: %v, %v", st, err)
	}
	if !x.current.dirty || !x.newName {
		t.Error("what is appended to is taken for synced")
	}
	if err := x.Sync(); err != nil || x.current.dirty {
		t.Errorf("after a sync: dirty %t, %v", x.current.dirty, err)
	}
}

func FuzzPointer(f *testing.F) {
	f.Add(Pointer{1, 2, 3}.Encode())
	f.Add(bytes.Repeat([]byte{0xff}, PointerBytes))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePointer(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Encode(), b) || p.Offset < 0 || p.end() < p.Offset {
			t.Errorf("%x is read as %+v", b, p)
		}
	})
}
