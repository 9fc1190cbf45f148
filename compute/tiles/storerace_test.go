package tiles_test

import (
	"errors"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// TestABlobThatIsBeingPutIsNotReclaimed: its bytes are in a file that is mostly garbage, and its record is not written
// yet when the others of the file are moved.
func TestABlobThatIsBeingPutIsNotReclaimed(t *testing.T) {
	ready, reclaimed := make(chan struct{}), make(chan error, 1)
	armed := false
	var s *tiles.Store
	s = open(t, t.TempDir(), tiles.StoreOptions{MaxBlob: 1 << 20}.WithSegmentBytes(4<<20).WithStep(func(name string) {
		switch {
		case armed && name == "written":
			armed = false
			go func() { reclaimed <- s.Reclaim(t.Context()) }()
			select {
			case <-ready:
			case <-time.After(300 * time.Millisecond): // it waits for this one
			}
			time.Sleep(50 * time.Millisecond) // for the files to be removed
		case name == "synced":
			select {
			case ready <- struct{}{}:
			default:
			}
		}
	}))
	digests, _ := fill(t, s, 8, 200_000)
	if err := s.Delete(t.Context(), digests...); err != nil {
		t.Fatal(err)
	}
	armed = true
	b := random(99, 200_000)
	if err := s.Put(t.Context(), catalog.Sum(b), b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-reclaimed, s.Verify(t.Context(), catalog.Sum(b))); err != nil {
		t.Error(err)
	}
}
