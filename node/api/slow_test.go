package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
)

// each is how long a request may take where a test waits for that, and its connection as
// long again: a machine that stands still for less still answers.
const each = time.Second

// soon is when a connection that should be cut off at once has to be at the latest: short
// of every limit that holds in production.
const soon = 9 * time.Second

// hurried is a world whose requests may take as long as said.
func hurried(t *testing.T, limit time.Duration, adjust func(*http.Server)) *world {
	t.Helper()
	w := newWorld(t)
	handler, err := api.NewHurried(w.cluster.Options(), limit)
	if err != nil {
		t.Fatal(err)
	}
	w.url = serve(t, handler, adjust)
	return w
}

// wantCut requires that the server ends the connection, and returns what it said.
func wantCut(t *testing.T, c net.Conn, what string) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	var timeout net.Error
	if ok := asTimeout(err, &timeout); ok {
		t.Errorf("%s: the connection is still open after %s", what, soon)
	}
	return string(said[:min(len(said), 300)])
}

func asTimeout(err error, into *net.Error) bool {
	e, ok := err.(net.Error) //nolint:errorlint // what a connection returns
	*into = e
	return ok && e.Timeout()
}

func TestServerWaitsForHeadersOnlySoLong(t *testing.T) {
	config := api.NewServer(http.NotFoundHandler())
	if config.ReadHeaderTimeout != 10*time.Second || config.IdleTimeout != 2*time.Minute || config.MaxHeaderBytes != 16<<10 || config.HTTP2.WriteByteTimeout != 30*time.Second {
		t.Errorf("the server waits %s for headers and %s for requests, takes %d bytes of headers", config.ReadHeaderTimeout, config.IdleTimeout, config.MaxHeaderBytes)
	}
	w := hurried(t, time.Minute, func(s *http.Server) { s.ReadHeaderTimeout, s.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond })
	for name, text := range map[string]string{
		"nothing":            "",
		"half a line":        "GET /liv",
		"half the headers":   "GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ",
		"one request and on": "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		wantCut(t, w.raw(text), name)
	}
}

// A body that does not come ends its request and its connection, on every route that takes
// one, and where the request was refused before its body was looked at.
func TestServerWaitsForBodiesOnlySoLong(t *testing.T) {
	t.Parallel() // it waits
	w := hurried(t, each, nil)
	send := func(method, path, bearer string) string {
		c := w.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n%s\r\n{", method, path, bearer))
		return wantCut(t, c, method+" "+path)
	}
	var wait sync.WaitGroup
	for _, r := range api.TableRows() {
		path, bearer := example(r.Path), ""
		if isUpload(r) {
			path += "?kind=presence"
		}
		if token := w.caller(r); token != "" {
			bearer = "Authorization: Bearer " + token + "\r\n"
		}
		wait.Go(func() {
			said := send(r.Method, path, bearer)
			if strings.HasPrefix(said, "HTTP/1.1 2") || strings.Count(said, "HTTP/1.1") > 1 {
				t.Errorf("%s %s without its body is answered %s", r.Method, path, said)
			}
		})
	}
	for _, refused := range [][2]string{{"POST", "/nowhere"}, {"DELETE", "/v1/cluster"}, {"PUT", "/v1/blobs/" + strings.Repeat("0", 64)}, {"POST", "/v1/explain"}} {
		wait.Go(func() {
			if said := send(refused[0], refused[1], ""); !strings.HasPrefix(said, "HTTP/1.1 4") {
				t.Errorf("%v is answered %s", refused, said)
			}
		})
	}
	wait.Wait()
}

// What comes of a body after its request was cut off is not the next request on the
// connection: whoever shares it, through a proxy, would be answered what another asked.
func TestRestOfABodyIsNoRequest(t *testing.T) {
	t.Parallel() // it waits
	w := hurried(t, each, nil)
	next := "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
	c := w.raw(fmt.Sprintf("POST /v1/envelopes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{", len(next)+1))
	first, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, first.Body); err != nil || first.StatusCode != http.StatusRequestTimeout {
		t.Fatalf("a body that does not come is answered %d, %v", first.StatusCode, err)
	}
	_ = first.Body.Close()         // read
	_, _ = io.WriteString(c, next) // the server may have closed
	if said := wantCut(t, c, "the rest"); said != "" {
		t.Errorf("the rest of the body is answered %s", said)
	}
}

// A client that asks and does not read is cut off when what it asked for is due: it would
// hold memory, a descriptor and a place for ever.
func TestServerWaitsForReadersOnlySoLong(t *testing.T) {
	t.Parallel() // it waits
	closed := make(chan struct{})
	var once sync.Once
	w := hurried(t, each, func(s *http.Server) {
		s.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				once.Do(func() { close(closed) })
			}
		}
	})
	c := w.raw("")
	go func() { // ends with the connection
		for {
			if _, err := io.WriteString(c, "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				return
			}
		}
	}()
	select {
	case <-closed:
	case <-time.After(2 * soon):
		t.Fatal("a client that reads nothing is still connected")
	}
}

// A place is given back when a slow request ends, however it ends.
func TestSlowRequestsGiveTheirPlacesBack(t *testing.T) {
	t.Parallel() // it waits
	w := newWorld(t)
	opts := w.cluster.Options()
	opts.Concurrency = 1
	handler, err := api.NewHurried(opts, each)
	if err != nil {
		t.Fatal(err)
	}
	w.url = serve(t, handler, nil)
	head := fmt.Sprintf("POST /v1/explain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", w.token(catalog.RoleBuyer))
	for range 3 {
		if said := wantCut(t, w.raw(head), "a body that does not come"); strings.HasPrefix(said, "HTTP/1.1 429") {
			t.Fatalf("the place of a request that was cut off is still taken: %s", said)
		}
	}
	gone := w.raw(head)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(soon)
	for {
		resp, err := http.ReadResponse(bufio.NewReader(w.raw(strings.Replace(head, "Content-Length: 100\r\n", "Content-Length: 1\r\n", 1))), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // of memory
		if resp.StatusCode != http.StatusTooManyRequests {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a client that has gone is still taken")
		}
	}
}

// Over HTTP/2, where many requests share a connection, a body that does not come ends its
// request alone.
func TestSlowRequestEndsAloneOverHTTP2(t *testing.T) {
	t.Parallel() // it waits
	w := newWorld(t)
	handler, err := api.NewHurried(w.cluster.Options(), each)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config, server.EnableHTTP2 = api.NewServer(handler), true
	server.StartTLS()
	t.Cleanup(server.Close)
	var conns atomic.Int64
	trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if !i.Reused {
			conns.Add(1)
		}
	}})
	ask := func(method, path string, body io.Reader, length int64) (int, error) {
		req, err := http.NewRequestWithContext(trace, method, server.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		req.Header.Set("Content-Type", "application/json")
		resp, err := server.Client().Do(req)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, errors.Join(err, resp.Body.Close())
	}
	if status, err := ask("GET", "/livez", http.NoBody, 0); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v", status, err)
	}
	for _, path := range []string{"/v1/envelopes", "/v1/explain", "/nowhere"} {
		stuck, feed := io.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if status, err := ask("POST", path, stuck, 1000); err == nil && status < 400 {
				t.Errorf("%s without its body is answered %d", path, status)
			}
		}()
		if _, err := feed.Write([]byte("{")); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		select {
		case <-ended:
		case <-time.After(soon):
			t.Errorf("%s is still waited for", path)
		}
		if err := feed.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	}
	if status, err := ask("GET", "/livez", http.NoBody, 0); err != nil || status != http.StatusOK || conns.Load() != 1 {
		t.Errorf("the connection is not used on: %d, %v, %d connections", status, err, conns.Load())
	}
}
