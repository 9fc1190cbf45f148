package client

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"net/http"
	"testing"

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
		if need := p.trust().Threshold; need < 1 || p.Threshold > 0 && need != p.Threshold {
			t.Fatalf("%d of the nodes are believed, the profile says %d", need, p.Threshold)
		}
	})
}

func FuzzParseMonitorState(f *testing.F) {
	profile := someProfile()
	parse := func(b []byte) (MonitorState, error) { return parseMonitorState(b, profile) }
	good := mustJSON(f, MonitorState{Version: 1, Cluster: profile.Cluster, Nodes: map[string]Head{"n1": {Size: 3, Note: []byte("note")}}})
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"v":1,"nodes":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parse(b)
		if err != nil {
			return
		}
		if s.Cluster != profile.Cluster {
			t.Fatalf("what was seen of cluster %s", s.Cluster)
		}
		again(t, s, parse)
	})
}

func FuzzParsePortfolioRecord(f *testing.F) {
	good := mustJSON(f, portfolioRecord{Version: portfolioRecordVersion, Owner: "p-1", Name: "mine", Vector: "v-1", File: "00"})
	f.Add(good)
	f.Add(good[1:])
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parsePortfolioRecord(b)
		if err == nil {
			again(t, r, parsePortfolioRecord)
		}
	})
}

// FuzzDecodePrints appends the digest itself: what gets past it must still not make a
// print of a cell that is not there.
func FuzzDecodePrints(f *testing.F) {
	whole := func(p cellPrints) []byte { b := p.encode(); return b[:len(b)-sha256.Size] }
	good := cellPrints{entities: 3, periods: 2, first: 19_000, prints: [][]byte{bytes.Repeat([]byte{1}, 48), bytes.Repeat([]byte{2}, 48)}}
	f.Add(whole(good))
	f.Add(whole(good)[:30])
	f.Add([]byte{1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 2, 0})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 1, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, ok := decodePrints(b); ok && len(b) < sha256.Size {
			t.Fatal("prints without a digest")
		}
		p, ok := decodePrints(append(bytes.Clone(b), sum(b)...))
		if !ok {
			return
		}
		if back, ok := decodePrints(p.encode()); !ok || !cmp.Equal(p, back, cmp.AllowUnexported(cellPrints{})) {
			t.Fatalf("%x reads as %+v, and that as %+v", b, p, back)
		}
		for m := range p.prints {
			for _, at := range []int64{p.first - 1, p.first, p.first + int64(p.periods) - 1, p.first + int64(p.periods)} {
				cell := p.at(m, p.entities-1, at)
				if inside := at-p.first >= 0 && at-p.first < int64(p.periods); inside != (len(cell) == printSize) {
					t.Fatalf("%x: a print of %d bytes of period %d", b, len(cell), at)
				}
			}
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
		if pause := retryAfter(p); pause < 0 || pause > 2*lastPause {
			t.Fatalf("to wait %v", pause)
		}
	})
}
