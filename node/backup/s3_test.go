package backup

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// faults spoils answers of an S3 server.
type faults struct {
	http.Handler
	refuse   atomic.Int64 // so many requests are put off
	truncate atomic.Bool  // answers with a part break off
}

func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.refuse.Add(-1) >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if f.truncate.Load() && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/parts/") {
		rec := httptest.NewRecorder()
		f.Handler.ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2]) //nolint:errcheck // it breaks off
		panic(http.ErrAbortHandler)
	}
	f.Handler.ServeHTTP(w, r)
}

func newBucket(t *testing.T) (Store, *faults) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret of test")
	backend := s3mem.New()
	if err := backend.CreateBucket("archive"); err != nil {
		t.Fatal(err)
	}
	f := &faults{Handler: gofakes3.New(backend).Server()}
	server := httptest.NewServer(f)
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	s, err := OpenStore("s3+"+server.URL+"/archive/weir", transport)
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

func TestBackupToABucket(t *testing.T) {
	s, f := newBucket(t)
	id := newIdentity(t)
	c := newSource(t, []string{"head", "middle"}, []string{"tile 1", "tile 2"})
	f.refuse.Store(2) // it is busy, and asked again
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
	f.truncate.Store(true)
	err = a.CheckParts(t.Context(), func(p Part, err error) { t.Errorf("part %s counts as damaged: %v", p.Digest, err) }, func(int, int) {})
	if err == nil {
		t.Error("answers that break off pass for whole ones")
	}
	f.truncate.Store(false)
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

func TestAddressesOfStores(t *testing.T) {
	for _, address := range []string{"s3+https://", "s3+https://host", "s3+https://host/", "s3+https://key:secret@host/bucket", "s3+https://host/b?x=1"} {
		if s, err := OpenStore(address, nil); err == nil {
			t.Errorf("%s is %v", address, s)
		}
	}
	s, err := OpenStore("/mnt/archive", nil)
	if err != nil || s != Directory("/mnt/archive") {
		t.Errorf("a directory is %v (%v)", s, err)
	}
}
