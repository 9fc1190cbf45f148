package unixsocket_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirdata/weir/node/unixsocket"
)

// A socket left behind is replaced, is for its user alone, and answers; a file that is none stays.
func TestSocketIsForItsUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := unixsocket.Listen(path); err == nil {
		t.Error("a file was replaced by a socket")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Fatalf("the file has %q, %v", b, err)
	}
	path += "2"
	for range 2 { // the second time over one that is there
		l, err := unixsocket.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/there" {
				w.WriteHeader(http.StatusNotFound)
			}
			io.WriteString(w, "answer") //nolint:errcheck // the test sees what arrives
		})}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			server.Serve(l) //nolint:errcheck // it is closed below
		}()
		if b, err := unixsocket.Get(t.Context(), path, "/there"); err != nil || string(b) != "answer" {
			t.Errorf("%q, %v", b, err)
		}
		if _, err := unixsocket.Get(t.Context(), path, "/elsewhere"); err == nil {
			t.Error("status 404 is no error")
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	}
}
