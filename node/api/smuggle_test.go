package api_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/node/api"
)

// Requests whose end two readers see in different places are refused, and nothing behind
// them is answered: a proxy in front of a node would else hand one client's answer to
// another.
func TestRequestsWithTwoEndsAreRefused(t *testing.T) {
	const hidden = "GET /v1/cluster HTTP/1.1\r\nHost: x\r\n\r\n"
	post := func(headers, body string) string {
		return "POST /v1/compile HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers + "\r\n" + body
	}
	for name, text := range map[string]string{
		"two lengths":                post("Content-Length: 2\r\nContent-Length: 48\r\n", "{}"+hidden),
		"a list of lengths":          post("Content-Length: 2, 48\r\n", "{}"+hidden),
		"a signed length":            post("Content-Length: +2\r\n", "{}"+hidden),
		"a length with blanks":       post("Content-Length : 2\r\n", "{}"+hidden),
		"an unknown coding":          post("Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"+hidden),
		"two codings":                post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "2\r\n{}\r\n0\r\n\r\n"+hidden),
		"a coding behind a tab":      post("Transfer-Encoding:\vchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"+hidden),
		"a folded header":            post("X: 1\r\n Content-Length: 48\r\nContent-Length: x\r\n", "{}"+hidden),
		"a header without a colon":   post("Content-Length 2\r\n", "{}"+hidden),
		"a zero byte in a header":    post("X: a\x00b\r\n", hidden),
		"a chunk of a signed length": post("Transfer-Encoding: chunked\r\n", "+2\r\n{}\r\n0\r\n\r\n"+hidden),
		"a chunk that is too long":   post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"+hidden),
		"two hosts":                  "GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + hidden,
		"no host":                    "GET /livez HTTP/1.1\r\n\r\n" + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			hurried(t, each, nil, func(t *testing.T, w *world) {
				said := wantCut(t, w.raw(text), name)
				if !strings.HasPrefix(said, "HTTP/1.1 4") && !strings.HasPrefix(said, "HTTP/1.1 501") {
					t.Errorf("answered %q", said)
				}
				if strings.Count(said, "HTTP/1.1 ") != 1 || strings.Contains(said, "threshold") {
					t.Errorf("what was hidden behind it is answered: %q", said)
				}
			})
		})
	}
	// A length beside chunks does not count (RFC 9112, 6.3), and the connection ends.
	hurried(t, each, nil, func(t *testing.T, w *world) {
		c := w.raw(post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") + hidden)
		first, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, first.Body); err != nil || first.StatusCode < 400 {
			t.Errorf("both lengths: %d, %v", first.StatusCode, err)
		}
		_ = first.Body.Close() // read
	})
}

// frame is a frame of HTTP/2.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	b = append(b, flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

// Streams that are begun and reset at once (CVE-2023-44487) keep no more of them running
// than a connection may have, and nobody else waiting.
func TestResetStreamsAreBounded(t *testing.T) {
	t.Parallel() // it waits
	w := newWorld(t)
	inner, err := api.New(w.cluster.Options())
	if err != nil {
		t.Fatal(err)
	}
	var running, most atomic.Int64
	release := make(chan struct{})
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/livez" && r.Header.Get("Held") != "" {
			n := running.Add(1)
			defer running.Add(-1)
			for m := most.Load(); n > m; m = most.Load() {
				most.CompareAndSwap(m, n)
			}
			<-release // as a handler does that looks at its context late
		}
		inner.ServeHTTP(rw, r)
	})
	server := httptest.NewUnstartedServer(handler)
	server.Config, server.EnableHTTP2 = api.NewServer(handler), true
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })                                                                                                                        // before the server waits for its handlers
	c, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13}) //nolint:gosec // a test's own certificate
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // may be closed
	// :method GET, :scheme https, :path /livez, :authority x, held: 1, as HPACK literals.
	headers := append([]byte{0x82, 0x87, 0x04, 6}, "/livez"...)
	headers = append(headers, 0x01, 1, 'x', 0x00, 4, 'h', 'e', 'l', 'd', 1, '1')
	var flood bytes.Buffer
	flood.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	flood.Write(frame(4, 0, 0, nil)) // SETTINGS
	const streams = 20_000
	for i := range uint32(streams) {
		flood.Write(frame(1, 5, 2*i+1, headers)) // HEADERS, the last of the stream
		flood.Write(frame(3, 0, 2*i+1, []byte{0, 0, 0, 8}))
	}
	// The server ends it within a second; a handler of it has to have run by then on a busy machine too.
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = c.Write(flood.Bytes()) }() // the server ends it
	if _, err := io.Copy(io.Discard, c); errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
	resp, err := server.Client().Get(server.URL + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // not read
	if resp.StatusCode != http.StatusOK {
		t.Errorf("another client is answered %d", resp.StatusCode)
	}
	t.Logf("at most %d handlers ran for %d streams", most.Load(), streams)
	if n := most.Load(); n == 0 || n > 2*api.DefaultConcurrency {
		t.Errorf("%d handlers ran at once", n)
	}
}
