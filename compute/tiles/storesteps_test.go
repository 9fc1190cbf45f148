package tiles_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// TestAStoreOfTheOldFormatIsReadAndUpgraded: it stays as it is until then, is read and written meanwhile, and
// afterwards has its large blobs in segment files.
func TestAStoreOfTheOldFormatIsReadAndUpgraded(t *testing.T) {
	dir := t.TempDir()
	o := tiles.StoreOptions{Old: true, MaxBlob: 1 << 20}.WithSegmentBytes(4 << 20)
	s := open(t, dir, o)
	digests, blobs := fill(t, s, 20, 300_000)
	check := func(when string, old bool, moving int64) {
		t.Helper()
		for _, d := range digests {
			if got, err := s.Get(t.Context(), d); err != nil || !bytes.Equal(got, blobs[d]) {
				t.Fatalf("%s: %v", when, err)
			}
		}
		err := s.Accumulate(t.Context(), digests, func(batch ...[]byte) error {
			for _, b := range batch {
				if _, is := blobs[catalog.Sum(b)]; !is {
					t.Errorf("%s: wrong bytes", when)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if st, err := s.Stats(); err != nil || st.Blobs != int64(len(digests)) || st.Moving != moving || s.Old() != old {
			t.Errorf("%s: %+v, old %t, %v", when, st, s.Old(), err)
		}
	}
	check("new", true, 20)
	if n := len(segments(t, dir)); n != 0 {
		t.Errorf("%d segment files of the old format", n)
	}
	if err := s.Reclaim(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("reclaimed", true, 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, tiles.StoreOptions{MaxBlob: 1 << 20}.WithSegmentBytes(4<<20)) // what is there tells its format
	check("reopened", true, 20)
	if err := s.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("upgraded", false, 0)
	if n := len(segments(t, dir)); n == 0 {
		t.Error("no segment files after the upgrade")
	}
	b := random(99, 300_000)
	digests = append(digests, catalog.Sum(b))
	blobs[catalog.Sum(b)] = b
	if err := s.Put(t.Context(), catalog.Sum(b), b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Upgrade(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, o)
	check("reopened after the upgrade", false, 0)
	var logs int64
	paths, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		logs += st.Blocks * 512
	}
	if logs > 5<<20 { // the last file, which badger does not rewrite
		t.Errorf("badger has %d bytes of values after they were moved", logs)
	}
}

// copyOf copies a store's directory as a process that is killed leaves it.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAProcessThatIsKilledAtAnyStepLosesNothing kills it while blobs are put, moved from the old format and
// rewritten: by a copy of the directory at every step. All blobs that were put are there, whole, and all that was deleted
// is not, or whole.
func TestAProcessThatIsKilledAtAnyStepLosesNothing(t *testing.T) {
	dir := t.TempDir()
	type copied struct {
		step, dir string
		put       []catalog.Digest
	}
	var copies []copied
	var put []catalog.Digest
	steps := map[string]int{}
	o := tiles.StoreOptions{Old: true, MaxBlob: 1 << 20, MinFree: 1}.WithSegmentBytes(2 << 20)
	s := open(t, dir, o.WithStep(func(name string) {
		if steps[name]++; steps[name] <= 2 {
			copies = append(copies, copied{name, copyOf(t, dir), slices.Clone(put)})
		}
	}))
	digests, blobs := fill(t, s, 16, 200_000)
	put = digests
	if err := s.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		b := random(uint64(100+i), 200_000)
		if err := s.Put(t.Context(), catalog.Sum(b), b); err != nil {
			t.Fatal(err)
		}
		blobs[catalog.Sum(b)] = b
		put = append(put, catalog.Sum(b))
	}
	gone := put[4:20]
	put = slices.Concat(put[:4], put[20:])
	if err := errors.Join(s.Delete(t.Context(), gone...), s.Reclaim(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"written", "recorded", "copied", "led", "moved", "synced"} {
		if steps[name] == 0 {
			t.Errorf("no step %q", name)
		}
	}
	for _, c := range copies {
		again := open(t, c.dir, o)
		if err := again.Verify(t.Context(), c.put...); err != nil {
			t.Errorf("killed when %s: %v", c.step, err)
		}
		err := again.Scrub(t.Context(), func(d catalog.Digest, fault error) error {
			if fault != nil || blobs[d] == nil && c.step != "written" && c.step != "recorded" {
				t.Errorf("killed when %s: blob %s: %v", c.step, d, fault)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := errors.Join(again.Upgrade(t.Context()), again.Reclaim(t.Context()), again.Verify(t.Context(), c.put...)); err != nil {
			t.Errorf("killed when %s, and gone on: %v", c.step, err)
		}
	}
}

// TestADiskThatFillsUpWhileABlobIsWritten: the write fails half way, nothing is on record, and the store goes on when
// there is room.
func TestADiskThatFillsUpWhileABlobIsWritten(t *testing.T) {
	full := false
	s := open(t, t.TempDir(), tiles.StoreOptions{}.WithWrite(func(f *os.File, b []byte, at int64) (int, error) {
		if !full {
			return f.WriteAt(b, at)
		}
		n, err := f.WriteAt(b[:len(b)/2], at)
		return n, errors.Join(err, fmt.Errorf("write: %w", syscall.ENOSPC))
	}))
	digests, _ := fill(t, s, 2, 200_000)
	full = true
	b := random(7, 200_000)
	d := catalog.Sum(b)
	if err := s.Put(t.Context(), d, b); !errors.Is(err, tiles.ErrFull) {
		t.Fatalf("full: %v", err)
	}
	if has, err := s.Has(context.Background(), d); has || err != nil {
		t.Errorf("on record: %t, %v", has, err)
	}
	full = false
	if err := errors.Join(s.Put(t.Context(), d, b), s.Verify(t.Context(), append(digests, d)...)); err != nil {
		t.Error(err)
	}
}
