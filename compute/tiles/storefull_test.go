package tiles_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// onDisk is what blobs take on the disk, in segment files and in badger's value log.
func onDisk(t *testing.T, dir string) int64 {
	t.Helper()
	n := diskUse(t, dir)
	paths, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		n += st.Blocks * 512
	}
	return n
}

// TestAStoreThatFillsMoreThanHalfTheDiskIsUpgraded: there is no room for all blobs twice, so what badger has of those
// that were moved is given back on the way.
func TestAStoreThatFillsMoreThanHalfTheDiskIsUpgraded(t *testing.T) {
	const disk, least = 40 << 20, 8 << 20
	dir := t.TempDir()
	o := tiles.StoreOptions{Old: true, MaxBlob: 1 << 20, MinFree: least, Free: func(string) (uint64, error) {
		return uint64(max(0, disk-onDisk(t, dir))), nil // #nosec G115 -- not negative
	}}.WithSegmentBytes(4 << 20)
	s := open(t, dir, o)
	digests, _ := fill(t, s, 80, 300_000)
	if free := disk - onDisk(t, dir); free > 20<<20 {
		t.Fatalf("%d bytes are free", free)
	}
	if err := errors.Join(s.Upgrade(t.Context()), s.Verify(t.Context(), digests...)); err != nil {
		t.Error(err)
	}
	if st, err := s.Stats(); err != nil || st.Moving != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	b := random(999, 300_000)
	if err := s.Put(t.Context(), catalog.Sum(b), b); err != nil {
		t.Errorf("there is no room after the upgrade: %v", err)
	}
}

// TestSpaceComesBackWhenTheDiskIsFull: that is when it is needed. What is left of a file that is mostly garbage takes
// of the room that Put leaves.
func TestSpaceComesBackWhenTheDiskIsFull(t *testing.T) {
	const least = 8 << 20
	free := uint64(1 << 40)
	dir := t.TempDir()
	s := open(t, dir, tiles.StoreOptions{MaxBlob: 1 << 20, MinFree: least, Free: func(string) (uint64, error) {
		return free, nil
	}}.WithSegmentBytes(4<<20))
	digests, _ := fill(t, s, 60, 300_000)
	before := diskUse(t, dir)
	free = least - 1
	kept := []catalog.Digest{digests[1], digests[20], digests[59]}
	for _, d := range digests {
		if d == kept[0] || d == kept[1] || d == kept[2] {
			continue
		}
		if err := s.Delete(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	free = 1000 // not even for one blob: files without any are removed all the same
	if err := s.Reclaim(t.Context()); !errors.Is(err, tiles.ErrFull) {
		t.Errorf("on a disk without room: %v", err)
	}
	if after := diskUse(t, dir); after > before*3/4 {
		t.Errorf("%d bytes on disk before, %d after files without blobs could be removed", before, after)
	}
	free = least - 1
	if err := errors.Join(s.Reclaim(t.Context()), s.Verify(t.Context(), kept...)); err != nil {
		t.Error(err)
	}
	if after := diskUse(t, dir); after > 2<<20 {
		t.Errorf("%d bytes on disk before, %d after", before, after)
	}
}
