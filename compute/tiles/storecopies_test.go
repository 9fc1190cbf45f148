package tiles_test

import (
	"context"
	"errors"
	"testing"

	"github.com/weirdata/weir/compute/tiles"
)

// TestCopiesToWhichNoRecordLeadsAreGarbage: a move that is cancelled before records lead to its copies, again and
// again, takes no more of the disk.
func TestCopiesToWhichNoRecordLeadsAreGarbage(t *testing.T) {
	dir := t.TempDir()
	var cancel context.CancelFunc
	written := 0
	o := tiles.StoreOptions{Old: true, MaxBlob: 1 << 20, Free: func(string) (uint64, error) {
		if written++; cancel != nil && written%10 == 0 {
			cancel()
		}
		return 1 << 40, nil
	}}.WithSegmentBytes(4 << 20)
	s := open(t, dir, o)
	digests, _ := fill(t, s, 20, 300_000)
	for range 6 {
		var ctx context.Context
		ctx, cancel = context.WithCancel(t.Context())
		if err := s.Upgrade(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	cancel = nil
	if err := errors.Join(s.Upgrade(t.Context()), s.Reclaim(t.Context()), s.Verify(t.Context(), digests...)); err != nil {
		t.Fatal(err)
	}
	if n := diskUse(t, dir); n > 14<<20 { // 6 MB of blobs, in files that are half garbage at most
		t.Errorf("%d bytes on disk", n)
	}
}
