package spill

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Lists are read as they were written, wherever a read begins and ends, from memory and
// from the file alike.
func TestNumbersAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New("", rapid.SampledFrom([]int{1, 20_000, 1 << 30}).Draw(t, "memory"))
		defer s.Close() //nolint:errcheck // the file of a test
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var lists [][]int64
		var read []*Numbers
		for range rapid.IntRange(1, 3).Draw(t, "lists") {
			want := make([]int64, rapid.IntRange(0, 3*blockLen).Draw(t, "length"))
			w := s.Writer()
			for i := range want {
				want[i] = rng.Int64() >> rng.IntN(64)
				if err := w.Append(want[i]); err != nil {
					t.Fatal(err)
				}
			}
			n, err := w.Done()
			if err != nil {
				t.Fatal(err)
			}
			lists, read = append(lists, want), append(read, n)
		}
		for i, n := range read {
			from := rapid.IntRange(0, len(lists[i])).Draw(t, "from")
			to := rapid.IntRange(from, len(lists[i])).Draw(t, "to")
			got := make([]int64, to-from)
			if err := n.Read(from, got); err != nil || !slices.Equal(got, lists[i][from:to]) {
				t.Fatalf("numbers %d to %d: %v", from, to, err)
			}
			var all []int64
			if err := n.Each(func(part []int64) error { all = append(all, part...); return nil }); err != nil || !slices.Equal(all, lists[i]) {
				t.Fatalf("all numbers: %v", err)
			}
		}
		if n := read[0]; n.Read(0, make([]int64, n.Len()+1)) == nil {
			t.Fatal("more was read than there is")
		}
	})
}

func TestExtremesAndListsInMemory(t *testing.T) {
	want := []int64{math.MinInt64, math.MaxInt64, 0, -1}
	w := New("", 0).Writer()
	if err := w.AppendAll(want); err != nil {
		t.Fatal(err)
	}
	n, err := w.Done()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]int64, 2)
	if err := n.Read(1, got); err != nil || !slices.Equal(got, want[1:3]) {
		t.Errorf("got %v, %v", got, err)
	}
}

// The file is nobody else's, has no name, holds no number in the clear, and tells when it
// was changed.
func TestTheFileIsSealedAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, 1)
	w := s.Writer()
	const marker = 0x0123456789abcde
	for range 2 * blockLen {
		if err := w.Append(marker); err != nil {
			t.Fatal(err)
		}
	}
	n, err := w.Done()
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the directory has %v, %v", left, err)
	}
	info, err := s.file.Stat()
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != s.end {
		t.Errorf("mode %v of %d bytes, %v", info.Mode(), info.Size(), err)
	}
	held := make([]byte, info.Size())
	if _, err := s.file.ReadAt(held, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(held, binary.AppendVarint(nil, marker)) {
		t.Error("the file has a number in the clear")
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			got := make([]int64, blockLen)
			if err := n.Read(100, got); err != nil || got[0] != marker {
				t.Errorf("got %d, %v", got[0], err)
			}
		})
	}
	readers.Wait()
	if _, err := s.file.WriteAt([]byte{held[50] ^ 1}, 50); err != nil {
		t.Fatal(err)
	}
	if err := n.Read(0, make([]int64, 1)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a changed file: %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if err := n.Read(blockLen, make([]int64, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
}

// TestLinesOfAListAreReadFromAnywhere reads numbers of all lengths from every place of a
// block, in lines that end anywhere.
func TestLinesOfAListAreReadFromAnywhere(t *testing.T) {
	s := New(t.TempDir(), 0)
	defer s.Close() //nolint:errcheck // nothing is in a file
	w := s.Writer()
	var want []int64
	for i := range blockLen + 300 {
		v := int64(1) << (i * 7 % 63)
		if i%3 == 0 {
			v = int64(i % 64)
		}
		if i%5 == 0 {
			v = -v
		}
		want = append(want, v)
	}
	if err := w.AppendAll(want); err != nil {
		t.Fatal(err)
	}
	list, err := w.Done()
	if err != nil {
		t.Fatal(err)
	}
	line := make([]int64, 37)
	for from := range len(want) - len(line) {
		if from > 600 && from < blockLen-600 {
			continue
		}
		if err := list.Read(from, line); err != nil || !slices.Equal(line, want[from:from+len(line)]) {
			t.Fatalf("from %d: %d, %v; want %d", from, line, err, want[from:from+len(line)])
		}
	}
}
