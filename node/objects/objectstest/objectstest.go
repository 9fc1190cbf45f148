// Package objectstest has a bucket of an S3 server in this process, reached over HTTP, whose answers
// a test can spoil.
package objectstest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/weirdata/weir/node/objects"
)

// Faults spoil a server's answers.
type Faults struct {
	Refuse   atomic.Int64                  // so many requests are put off
	Truncate atomic.Pointer[string]        // answers about objects whose path has this in it break off
	Hold     atomic.Pointer[chan struct{}] // answers wait until it is closed
	Asked    atomic.Int64                  // requests that came

	server http.Handler
}

func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Asked.Add(1)
	if hold := f.Hold.Load(); hold != nil {
		select {
		case <-*hold:
		case <-r.Context().Done():
			return
		}
	}
	if f.Refuse.Add(-1) >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if part := f.Truncate.Load(); part != nil && r.Method == http.MethodGet && strings.Contains(r.URL.Path, *part) {
		rec := httptest.NewRecorder()
		f.server.ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2]) //nolint:errcheck // it breaks off
		panic(http.ErrAbortHandler)
	}
	f.server.ServeHTTP(w, r)
}

// New returns an empty bucket, which ends with the test.
func New(t *testing.T) (objects.Store, *Faults) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret of test")
	backend := s3mem.New()
	if err := backend.CreateBucket("archive"); err != nil {
		t.Fatal(err)
	}
	f := &Faults{server: gofakes3.New(backend).Server()}
	server := httptest.NewServer(f)
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	s, err := objects.Open("s3+"+server.URL+"/archive/weir", transport)
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}
