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
	reclaimed := make(chan error, 1)
	armed := false
	var s *tiles.Store
	s = open(t, t.TempDir(), tiles.StoreOptions{MaxBlob: 1 << 20}.WithSegmentBytes(4<<20).WithStep(func(name string) {
		if !armed || name != "written" {
			return
		}
		armed = false
		go func() { reclaimed <- s.Reclaim(t.Context()) }()
		select { // it should wait for this one; where it does not, it ends now
		case err := <-reclaimed:
			reclaimed <- err
		case <-time.After(300 * time.Millisecond):
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
