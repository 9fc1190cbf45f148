package blobs

import (
	"errors"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
)

// Whoever asked for a blob before it is deleted keeps it, and whoever asks while it is
// being deleted is not told that it is there.
func TestAskingKeepsABlobAndExcludesDeletingIt(t *testing.T) {
	const keep = 72 * time.Hour
	o, d, now := newOrphans(), catalog.Sum([]byte("blob")), time.Unix(1_700_000_000, 0)
	removed := 0
	remove := func() error { removed++; return nil }
	o.note(d, false, now)
	if due := o.due(keep, now.Add(keep)); len(due) != 1 {
		t.Fatalf("due %v", due)
	}
	o.touch(d)
	if err := o.drop(d, keep, now.Add(keep), remove); err != nil || removed != 0 {
		t.Fatalf("deleted after it was asked for: %v", err)
	}
	o.note(d, false, now.Add(keep))
	if err := o.drop(d, keep, now.Add(keep+time.Hour), remove); err != nil || removed != 0 {
		t.Fatalf("its time did not begin anew: %v", err)
	}
	failed := errors.New("the disk")
	if err := o.drop(d, keep, now.Add(2*keep), func() error { return failed }); !errors.Is(err, failed) || o.collected.Load() != 0 {
		t.Fatalf("%v, %d collected", err, o.collected.Load())
	}
	asked := make(chan struct{})
	err := o.drop(d, keep, now.Add(2*keep), func() error {
		go func() { o.touch(d); close(asked) }()
		select {
		case <-asked:
			return errors.New("somebody was answered while the blob was being deleted")
		case <-time.After(50 * time.Millisecond):
			return remove()
		}
	})
	if err != nil || removed != 1 || o.collected.Load() != 1 {
		t.Fatalf("%v, removed %d times", err, removed)
	}
	<-asked
	o.note(d, true, now)
	if due := o.due(0, now.Add(9*keep)); len(due) != 0 {
		t.Errorf("what is named is due: %v", due)
	}
}
