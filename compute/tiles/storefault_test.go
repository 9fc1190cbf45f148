package tiles_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// segments are the store's segment files, oldest first.
func segments(tb testing.TB, dir string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}

// flip changes bits of one byte of a file.
func flip(tb testing.TB, path string, at int64, bits byte) {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	}()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		tb.Fatal(err)
	}
	b[0] ^= bits
	if _, err := f.WriteAt(b[:], at); err != nil {
		tb.Fatal(err)
	}
}

// TestDamagedBytesAreNotHandedOutWhereTheDigestIsCompared flips bytes of a segment file under an open store, which
// had compared the blobs before or had not, and flips them back. What is doubted is compared before it is added; Get
// compares always.
func TestDamagedBytesAreNotHandedOutWhereTheDigestIsCompared(t *testing.T) {
	const size = 70_000
	dir := t.TempDir()
	s := open(t, dir, tiles.StoreOptions{})
	digests, blobs := fill(t, s, 6, size)
	path := segments(t, dir)[0]
	rng := rand.New(rand.NewPCG(1, 2))
	found := 0
	const flips = 120
	for i := range flips {
		offset, bits := rng.Int64N(6*size), byte(1<<(i%8))
		if i%2 == 0 {
			if err := s.Verify(t.Context(), digests...); err != nil {
				t.Fatal(err)
			}
		}
		flip(t, path, offset, bits)
		s.Doubt(digests...)
		for _, d := range digests {
			err := s.Accumulate(t.Context(), []catalog.Digest{d}, func(batch ...[]byte) error {
				if !bytes.Equal(batch[0], blobs[d]) {
					t.Errorf("byte %d: wrong bytes handed out", offset)
				}
				return nil
			})
			if err != nil {
				if !errors.Is(err, tiles.ErrCorrupt) {
					t.Fatalf("byte %d: %v", offset, err)
				}
				found++
			}
			if got, err := s.Get(t.Context(), d); err == nil && !bytes.Equal(got, blobs[d]) || err != nil && !errors.Is(err, tiles.ErrCorrupt) {
				t.Fatalf("byte %d: %v", offset, err)
			}
		}
		flip(t, path, offset, bits)
	}
	if found < flips-10 { // some are between two blobs
		t.Errorf("%d of %d flips found", found, flips)
	}
	if err := s.Verify(t.Context(), digests...); err != nil {
		t.Errorf("undone but still: %v", err)
	}
}

// TestWhatWasComparedIsAddedAsItIsUntilItIsDoubted: a blob that goes bad after its digest was compared is added up
// wrongly; members of a query find that by the digests of their sums, and doubt what they read.
func TestWhatWasComparedIsAddedAsItIsUntilItIsDoubted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiles.StoreOptions{})
	digests, blobs := fill(t, s, 2, 70_000)
	d := digests[1]
	wrong := func() (is bool, err error) {
		err = s.Accumulate(t.Context(), []catalog.Digest{d}, func(batch ...[]byte) error {
			is = !bytes.Equal(batch[0], blobs[d])
			return nil
		})
		return is, err
	}
	if is, err := wrong(); is || err != nil {
		t.Fatal(is, err)
	}
	flip(t, segments(t, dir)[0], 100_000, 1)
	if is, err := wrong(); !is || err != nil {
		t.Errorf("after it was compared: %t, %v", is, err)
	}
	s.Doubt(d)
	if _, err := wrong(); !errors.Is(err, tiles.ErrCorrupt) {
		t.Errorf("doubted: %v", err)
	}
	if err := s.Put(t.Context(), d, blobs[d]); err != nil {
		t.Fatal(err)
	}
	if is, err := wrong(); is || err != nil {
		t.Errorf("repaired: %t, %v", is, err)
	}
}

func TestADamagedBlobIsFoundByTheScrubAndRepairedByPut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiles.StoreOptions{})
	digests, blobs := fill(t, s, 1100, 70_000) // more than a page of the scrub
	if err := s.Verify(t.Context(), digests...); err != nil {
		t.Fatal(err)
	}
	const victim = 3
	flip(t, segments(t, dir)[0], victim*70_000+35_000, 0x10)
	var seen, repaired int
	scrub := func() {
		t.Helper()
		seen, repaired = 0, 0
		if err := s.Scrub(t.Context(), func(d catalog.Digest, fault error) error {
			seen++
			if fault == nil {
				return nil
			}
			if !errors.Is(fault, tiles.ErrCorrupt) || d != digests[victim] {
				t.Errorf("fault of %s: %v", d, fault)
			}
			repaired++
			return s.Put(t.Context(), d, blobs[d])
		}); err != nil {
			t.Fatal(err)
		}
	}
	if scrub(); seen != len(digests) || repaired != 1 {
		t.Errorf("%d seen, %d repaired", seen, repaired)
	}
	if scrub(); seen != len(digests) || repaired != 0 {
		t.Errorf("after the repair: %d seen, %d repaired", seen, repaired)
	}
	if st, err := s.Stats(); err != nil || st.Blobs != int64(len(digests)) {
		t.Errorf("%+v, %v", st, err)
	}
	enough := errors.New("enough")
	if err := s.Scrub(t.Context(), func(catalog.Digest, error) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// TestBytesWithARightChecksumButAnotherDigestAreFound goes around the store:
// only the SHA-256 can tell.
func TestBytesWithARightChecksumButAnotherDigestAreFound(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiles.StoreOptions{})
	digests, _ := fill(t, s, 1, 100)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(func(txn *badger.Txn) error {
		return txn.Set(append([]byte{'b'}, digests[0][:]...), random(7, 100))
	}), db.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, tiles.StoreOptions{})
	if _, err := s.Get(t.Context(), digests[0]); !errors.Is(err, tiles.ErrCorrupt) {
		t.Errorf("get: %v", err)
	}
	if err := s.View(t.Context(), digests[0], func([]byte) error { t.Error("handed out"); return nil }); !errors.Is(err, tiles.ErrCorrupt) {
		t.Errorf("view: %v", err)
	}
}

// TestDamageFoundWhenReopened: what went bad while the store was closed is found when it is read.
func TestDamageFoundWhenReopened(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiles.StoreOptions{})
	digests, blobs := fill(t, s, 10, 100_000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	flip(t, segments(t, dir)[0], 250_000, 4)
	s = open(t, dir, tiles.StoreOptions{})
	corrupt := 0
	for _, d := range digests {
		got, err := s.Get(t.Context(), d)
		switch {
		case errors.Is(err, tiles.ErrCorrupt):
			corrupt++
			if err := s.Put(t.Context(), d, blobs[d]); err != nil {
				t.Fatal(err)
			}
		case err != nil || !bytes.Equal(got, blobs[d]):
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	if corrupt == 0 {
		t.Error("the damage was not noticed")
	}
	if err := s.Verify(t.Context(), digests...); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

func diskUse(tb testing.TB, dir string) (n int64) {
	tb.Helper()
	for _, path := range segments(tb, dir) {
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			tb.Fatal(err)
		}
		n += st.Blocks * 512
	}
	return n
}

func TestSpaceOfDeletedBlobsComesBackAtATick(t *testing.T) {
	ticks, stopped := make(chan time.Time), make(chan struct{})
	o := tiles.StoreOptions{MaxBlob: 1 << 20, Ticks: func(every time.Duration) (<-chan time.Time, func()) {
		if every != tiles.DefaultGCInterval {
			t.Errorf("every %s", every)
		}
		return ticks, func() { close(stopped) }
	}}.WithSegmentBytes(4 << 20)
	dir := t.TempDir()
	s := open(t, dir, o)
	digests, _ := fill(t, s, 100, 300_000)
	before := diskUse(t, dir)
	if err := s.Delete(t.Context(), digests[10:]...); err != nil {
		t.Fatal(err)
	}
	ticks <- time.Time{}
	ticks <- time.Time{} // taken only when the first one is dealt with
	if after := diskUse(t, dir); after > before/3 {
		t.Errorf("%d bytes on disk before, %d after nine tenths were deleted", before, after)
	}
	if err := s.Verify(t.Context(), digests[:10]...); err != nil {
		t.Errorf("what was kept: %v", err)
	}
	if st, err := s.Stats(); err != nil || st.Blobs != 10 || st.Reclaim != nil {
		t.Errorf("%+v, %v", st, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-stopped
}

// TestReadersAndWritersMeet has files rotated and rewritten while tiles are read in place.
func TestReadersAndWritersMeet(t *testing.T) {
	s := open(t, t.TempDir(), tiles.StoreOptions{MaxBlob: 1 << 20}.WithSegmentBytes(2<<20))
	digests, blobs := fill(t, s, 12, 100_000)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for ctx.Err() == nil {
				at := 0
				if err := s.Accumulate(t.Context(), digests, func(batch ...[]byte) error {
					for _, b := range batch {
						if !bytes.Equal(b, blobs[digests[at]]) {
							return fmt.Errorf("tile %d has other bytes", at)
						}
						at++
					}
					return nil
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil {
			if err := s.Scrub(t.Context(), func(_ catalog.Digest, fault error) error { return fault }); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for round := range 6 {
		var extra []catalog.Digest
		for i := range 30 {
			b := random(uint64(1000+100*round+i), 100_000)
			extra = append(extra, catalog.Sum(b))
			if err := s.Put(t.Context(), extra[i], b); err != nil {
				t.Error(err)
			}
		}
		if err := s.Delete(t.Context(), extra...); err != nil {
			t.Error(err)
		}
		if err := s.Reclaim(t.Context()); err != nil {
			t.Error(err)
		}
	}
	stop()
	all.Wait()
}

// childDir tells a test that it is the child process, and where its store is.
const childDir = "TILES_TEST_CHILD_DIR"

// child runs the calling test again, as a process of its own.
func child(t *testing.T, dir string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestADiskThatFailsUnderAMappedFileDoesNotEndTheProcess cuts a segment file off under an open store: reading it is a
// SIGBUS. The blobs behind the cut are corrupt, what was being added up is of no use, and the store goes on.
func TestADiskThatFailsUnderAMappedFileDoesNotEndTheProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiles.StoreOptions{})
	digests, blobs := fill(t, s, 4, 500_000)
	if err := s.Verify(t.Context(), digests[:3]...); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segments(t, dir)[0], 600_000); err != nil {
		t.Fatal(err)
	}
	sum := 0
	read := func(batch ...[]byte) error {
		for _, b := range batch {
			for _, x := range b {
				sum += int(x)
			}
		}
		return nil
	}
	var fault *tiles.BlobError
	if err := s.Accumulate(t.Context(), digests[:3], read); !errors.Is(err, tiles.ErrHalfRead) || !errors.As(err, &fault) || fault.Digest != digests[1] && fault.Digest != digests[2] {
		t.Errorf("what was compared before: %v", err)
	}
	if err := s.Accumulate(t.Context(), []catalog.Digest{fault.Digest}, read); !errors.Is(err, tiles.ErrCorrupt) {
		t.Errorf("read again: %v", err)
	}
	if _, err := s.Get(t.Context(), digests[3]); !errors.Is(err, tiles.ErrCorrupt) {
		t.Errorf("what was not: %v", err)
	}
	for _, d := range digests {
		if err := s.Put(t.Context(), d, blobs[d]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Verify(t.Context(), digests...); err != nil {
		t.Errorf("repaired: %v", err)
	}
	if st, err := s.Stats(); err != nil || st.Broken || st.Blobs != 4 {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestAKilledProcessLosesNothing puts blobs in a child, which then dies by
// SIGKILL without closing anything.
func TestAKilledProcessLosesNothing(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		s, err := tiles.Open(dir, tiles.StoreOptions{MinFree: 1, MaxBlob: 1 << 20}.WithSegmentBytes(4<<20))
		if err != nil {
			t.Fatal(err)
		}
		fill(t, s, 50, 200_000)
		fmt.Println("all put")
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {} // until it arrives
	}
	dir := t.TempDir()
	out, err := child(t, dir)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(out, "all put") {
		t.Fatalf("%v: %s", err, out)
	}
	s := open(t, dir, tiles.StoreOptions{})
	for i := range 50 {
		b := random(uint64(i), 200_000)
		if got, err := s.Get(t.Context(), catalog.Sum(b)); err != nil || !bytes.Equal(got, b) {
			t.Errorf("blob %d: %v", i, err)
		}
	}
}
