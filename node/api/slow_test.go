package api_test

import (
	"bufio"
	"context"
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
	"testing/synctest"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
)

// each is how long a request may take where a test waits for that, and its connection as
// long again.
const each = time.Second

// soon is when a connection that should be cut off at once has to be at the latest: short
// of every limit that holds in production.
const soon = 9 * time.Second

// pipes is a listener whose connections do not leave the process, nor the bubble that they
// are made in.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (*pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// hurried is a world whose requests may take as long as said. It is served in a bubble of
// package synctest, where time passes only while everybody waits: how slow the machine is
// changes nothing. There it can be reached by raw alone.
func hurried(t *testing.T, limit time.Duration, adjust func(*api.Options, *http.Server), run func(t *testing.T, w *world)) {
	t.Helper()
	outside := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		opts, server := outside.cluster.Options(), api.NewServer(nil)
		if adjust != nil {
			adjust(&opts, server)
		}
		var err error
		if server.Handler, err = api.NewHurried(opts, limit); err != nil {
			t.Fatal(err)
		}
		l := newPipes()
		var served sync.WaitGroup
		served.Go(func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			served.Wait()
		})
		run(t, &world{T: t, handler: server.Handler, cluster: outside.cluster, dial: l.dial, parties: outside.parties})
	})
}

// wantCut requires that the server ends the connection, and returns what it said.
func wantCut(t *testing.T, c net.Conn, what string) string {
	t.Helper()
	switch err := c.SetReadDeadline(time.Now().Add(soon)); {
	case errors.Is(err, io.ErrClosedPipe):
		return "" // it has ended, and a pipe holds nothing back
	case err != nil:
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
	adjust := func(_ *api.Options, s *http.Server) { s.ReadHeaderTimeout, s.IdleTimeout = each, each }
	hurried(t, time.Minute, adjust, func(t *testing.T, w *world) {
		for name, text := range map[string]string{
			"nothing":            "",
			"half a line":        "GET /liv",
			"half the headers":   "GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ",
			"one request and on": "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			wantCut(t, w.raw(text), name)
		}
	})
}

// A body that does not come ends its request and its connection, on every route that takes
// one, and where the request was refused before its body was looked at.
func TestServerWaitsForBodiesOnlySoLong(t *testing.T) {
	hurried(t, each, nil, func(t *testing.T, w *world) {
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
	})
}

// What comes of a body after its request was cut off is not the next request on the
// connection: whoever shares it, through a proxy, would be answered what another asked.
func TestRestOfABodyIsNoRequest(t *testing.T) {
	hurried(t, each, nil, func(t *testing.T, w *world) {
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
	})
}

// A client that asks and does not read is cut off when what it asked for is due: it would
// hold memory, a descriptor and a place for ever.
func TestServerWaitsForReadersOnlySoLong(t *testing.T) {
	hurried(t, each, nil, func(t *testing.T, w *world) {
		c, ended := w.raw(""), make(chan struct{})
		go func() { // ends with the connection
			defer close(ended)
			for {
				if _, err := io.WriteString(c, "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					return
				}
			}
		}()
		select {
		case <-ended:
		case <-time.After(soon):
			t.Fatal("a client that reads nothing is still connected")
		}
	})
}

// A place is given back when a slow request ends, however it ends.
func TestSlowRequestsGiveTheirPlacesBack(t *testing.T) {
	hurried(t, each, func(o *api.Options, _ *http.Server) { o.Concurrency = 1 }, func(t *testing.T, w *world) {
		head := fmt.Sprintf("POST /v1/explain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", w.token(catalog.RoleBuyer))
		for range 3 {
			if said := wantCut(t, w.raw(head), "a body that does not come"); !strings.HasPrefix(said, "HTTP/1.1 408") {
				t.Fatalf("a request after one that was cut off: %s", said)
			}
		}
		whole := strings.Replace(head, "Content-Length: 100\r\n", "Content-Length: 1\r\n", 1)
		ask := func() int {
			resp, err := http.ReadResponse(bufio.NewReader(w.raw(whole)), nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close() // of memory
			return resp.StatusCode
		}
		gone := w.raw(head)
		synctest.Wait()
		if status := ask(); status != http.StatusTooManyRequests {
			t.Errorf("beside another one of its caller's it is answered %d, want 429", status)
		}
		if err := gone.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the server has heard of it
		if status := ask(); status == http.StatusTooManyRequests {
			t.Error("the place of a client that has gone is still taken")
		}
	})
}

// Over HTTP/2, where many requests share a connection, a body that does not come ends its
// request alone.
func TestSlowRequestEndsAloneOverHTTP2(t *testing.T) {
	opts := newWorld(t).cluster.Options()
	synctest.Test(t, func(t *testing.T) { slowOverHTTP2(t, opts) })
}

func slowOverHTTP2(t *testing.T, opts api.Options) {
	handler, err := api.NewHurried(opts, each)
	if err != nil {
		t.Fatal(err)
	}
	l := newPipes()
	server := &httptest.Server{Listener: l, Config: api.NewServer(handler), EnableHTTP2: true}
	server.StartTLS()
	server.Client().Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return l.dial() }
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
