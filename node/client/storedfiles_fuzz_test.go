package client

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

func someProfile() Profile {
	return Profile{
		Addr: "https://127.0.0.1:8001", Cluster: catalog.Sum([]byte("cluster")), Threshold: 2,
		Nodes: []ProfileNode{
			{ID: "n1", Addr: "https://127.0.0.1:8001", Key: bytes.Repeat([]byte{1}, 32)},
			{ID: "n2", Addr: "https://[::1]:8002", Key: bytes.Repeat([]byte{2}, 32)},
		},
	}
}

// again reads what was written of something that was read, and requires the same.
func again[T any](t *testing.T, v T, parse func([]byte) (T, error)) {
	t.Helper()
	back, err := parse(mustJSON(t, v))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v, back); d != "" {
		t.Fatalf("(-read +read again)\n%s", d)
	}
}

func FuzzParseProfile(f *testing.F) {
	good := mustJSON(f, someProfile())
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(bytes.Clone(good), good...))
	f.Add([]byte(`{"cluster":"00","nodes":[{"id":"n1"}],"threshold":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseProfile(b)
		if err != nil {
			if !errors.Is(err, ErrProfile) {
				t.Fatalf("not ErrProfile: %v", err)
			}
			return
		}
		again(t, p, parseProfile)
		if need := p.Trust().Threshold; need < 1 || p.Threshold > 0 && need != p.Threshold {
			t.Fatalf("%d of the nodes are believed, the profile says %d", need, p.Threshold)
		}
	})
}

// FuzzProblem: whatever a node answers instead of what was asked for becomes an error
// with a message and the status that it came with.
func FuzzProblem(f *testing.F) {
	f.Add("application/problem+json", 422, []byte(`{"kind":"sql","message":"no","line":1,"column":8,"numbers":[{"name":"k","value":"3"}]}`))
	f.Add("application/problem+json; charset=utf-8", 503, []byte(`{"kind":"no-quorum","message":"m"`))
	f.Add("text/html", 502, []byte("<html>"))
	f.Add(";", 0, []byte(nil))
	f.Add("application/problem+json", 429, []byte("9223372037")) // seconds that are no time.Duration
	f.Fuzz(func(t *testing.T, contentType string, status int, body []byte) {
		err := problemOf(response{status: status, header: http.Header{"Content-Type": {contentType}, "Retry-After": {string(body)}}, body: body})
		var p *wire.Problem
		if !errors.As(err, &p) || p.Message == "" || p.Status != status || err.Error() == "" {
			t.Fatalf("status %d, body %q: %#v", status, body, err)
		}
		// A client waits no longer than its patience whatever it is told (see do).
		if pause := retryAfter(p); pause < 0 || pause > 1<<20*time.Second {
			t.Fatalf("to wait %v", pause)
		}
	})
}
