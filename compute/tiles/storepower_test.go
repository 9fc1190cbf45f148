package tiles_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirdata/weir/compute/tiles"
)

// TestAPowerCutAfterAKilledProcessWasFollowedByAnotherLosesNothing: the process moved blobs, and was killed before the
// records that lead to the copies were synced. The next one removes the files that were moved from, so by then the
// records must be on the disk, and not in a log that nobody synced.
func TestAPowerCutAfterAKilledProcessWasFollowedByAnotherLosesNothing(t *testing.T) {
	dir, killed, cut := t.TempDir(), "", ""
	o := tiles.StoreOptions{MaxBlob: 1 << 20}.WithSegmentBytes(4 << 20)
	s := open(t, dir, o.WithStep(func(name string) {
		if name == "moved" {
			killed = copyOf(t, dir)
		}
	}))
	digests, _ := fill(t, s, 12, 300_000)
	kept := digests[:4]
	if err := errors.Join(s.Sync(t.Context()), s.Delete(t.Context(), digests[4:]...), s.Reclaim(t.Context())); err != nil {
		t.Fatal(err)
	}
	open(t, killed, o.WithStep(func(name string) {
		if name != "flushed" {
			return
		}
		logs, err := filepath.Glob(filepath.Join(killed, "*.mem"))
		if err != nil || len(logs) == 0 {
			t.Errorf("%v, %v", logs, err)
		}
		cut = copyOf(t, killed)
		for _, log := range logs {
			if err := os.Remove(filepath.Join(cut, filepath.Base(log))); err != nil {
				t.Error(err)
			}
		}
	}))
	if err := open(t, cut, o).Verify(t.Context(), kept...); err != nil {
		t.Error(err)
	}
}
