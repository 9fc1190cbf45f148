package backup

import (
	"errors"
	"io/fs"
	"testing"

	"filippo.io/age"

	"github.com/weirdata/weir/node/objects/objectstest"
)

func TestBackupToABucket(t *testing.T) {
	s, f := objectstest.New(t)
	id := newIdentity(t)
	c := newSource(t, []string{"head", "middle"}, []string{"tile 1", "tile 2"})
	f.Refuse.Store(2) // it is busy, and asked again
	first, err := c.at(t, s, id.Recipient(), 1)
	if err != nil || first.Copied != 4 {
		t.Fatalf("copied %d parts (%v), want 4", first.Copied, err)
	}
	c.put(t, 9, []string{"head", "tail"}, []string{"tile 2"})
	second, err := c.at(t, s, id.Recipient(), 2)
	if err != nil || second.Copied != 1 {
		t.Fatalf("copied %d parts (%v), want the one that is new", second.Copied, err)
	}
	all, err := List(t.Context(), s, func(err error) { t.Error(err) })
	if err != nil || len(all) != 2 {
		t.Fatalf("there are %d backups (%v)", len(all), err)
	}
	a := Archive{Manifest: second.Manifest, Store: s, With: []age.Identity{id}}
	a.check(t, 0)

	// An answer that breaks off says nothing of what is stored: nothing is removed for its sake.
	parts := "/parts/"
	f.Truncate.Store(&parts)
	err = a.CheckParts(t.Context(), func(p Part, err error) { t.Errorf("part %s counts as damaged: %v", p.Digest, err) }, func(int, int) {})
	if err == nil {
		t.Error("answers that break off pass for whole ones")
	}
	f.Truncate.Store(nil)
	a.check(t, 0)

	if _, err := s.Get(t.Context(), "parts/none", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an object that is not there: %v", err)
	}
	if _, err := s.Get(t.Context(), a.Blobs[0].object(a.Recipients), 10); err == nil {
		t.Error("more than the limit was read")
	}
	if err := s.Remove(t.Context(), a.Blobs[0].object(a.Recipients)); err != nil {
		t.Fatal(err)
	}
	if absent, err := a.Absent(t.Context()); err != nil || len(absent) != 1 {
		t.Errorf("%d parts are away (%v), want 1", len(absent), err)
	}
}
