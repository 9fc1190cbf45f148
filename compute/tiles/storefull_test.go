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
