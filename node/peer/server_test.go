package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wantRemote checks that b answered with this error, and returns its message.
func wantRemote(t testing.TB, err error, status int, kind string) string {
	t.Helper()
	var remote *RemoteError
	if !errors.As(err, &remote) {
		t.Fatalf("%v, want a RemoteError", err)
	}
	if remote.Status != status || remote.Kind != kind || remote.Node != "b" {
		t.Fatalf("%s answered %d %s, want b, %d %s", remote.Node, remote.Status, remote.Kind, status, kind)
	}
	return remote.Message
}

func TestWhatIsNotRegisteredIsRefused(t *testing.T) {
	reached := func(s *Server) {
		s.Handle(http.MethodGet, "/v1/blobs/{digest}", 0, func(_ context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(w, r.PathValue("digest"))
			return err
		})
	}
	nodes := startCluster(t, Options{}, ServerOptions{}, reached, "a", "b")
	c := nodes["a"].client
	if got, err := c.Do(t.Context(), "b", http.MethodGet, "/v1/blobs/abc?x=1", nil); err != nil || string(got) != "abc" {
		t.Fatalf("the registered route answered %q, %v", got, err)
	}
	for _, r := range []struct{ method, path string }{
		{http.MethodPost, "/v1/blobs/abc"},
		{http.MethodDelete, "/v1/blobs/abc"},
		{http.MethodGet, "/"},
		{http.MethodGet, "/v1/blobs"},
		{http.MethodGet, "/v1/blobs/"},
		{http.MethodGet, "/v1/blobs/abc/"},
		{http.MethodGet, "//v1/blobs/abc"},
		{http.MethodGet, "/v1/./blobs/abc"},
		{http.MethodGet, "/x/../v1/blobs/abc"},
		{http.MethodGet, "/debug/pprof"},
	} {
		_, err := c.Do(t.Context(), "b", r.method, r.path, nil)
		wantRemote(t, err, http.StatusNotFound, KindUnknownRoute)
	}
}

func TestBodiesAreBoundedByTheRoute(t *testing.T) {
	const limit = 1000
	routes := func(s *Server) {
		count := func(_ context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				return fmt.Errorf("read: %w", err)
			}
			_, err = fmt.Fprint(w, n)
			return err
		}
		s.Handle(http.MethodPost, "/some", limit, count)
		s.Handle(http.MethodPost, "/none", 0, count)
	}
	nodes := startCluster(t, Options{}, ServerOptions{}, routes, "a", "b")
	c := nodes["a"].client
	for _, tc := range []struct {
		path     string
		size     int64
		accepted bool
	}{
		{"/some", 0, true}, {"/some", limit, true}, {"/some", limit + 1, false}, {"/some", 1 << 20, false}, {"/some", 64 << 20, false},
		{"/none", 0, true}, {"/none", 1, false},
	} {
		for _, declared := range []bool{true, false} {
			size := tc.size
			if !declared {
				size = -1
			}
			answer, err := c.Stream(t.Context(), "b", http.MethodPost, tc.path, io.LimitReader(zeros{}, tc.size), size)
			if !tc.accepted {
				if err == nil {
					t.Fatalf("%d bytes to %s, declared %t: accepted", tc.size, tc.path, declared)
				}
				wantRemote(t, err, http.StatusRequestEntityTooLarge, KindTooLarge)
				continue
			}
			if err != nil {
				t.Fatalf("%d bytes to %s, declared %t: %v", tc.size, tc.path, declared, err)
			}
			got, err := io.ReadAll(answer)
			if err != nil || string(got) != fmt.Sprint(tc.size) {
				t.Fatalf("%d bytes to %s, declared %t: it counted %q, %v", tc.size, tc.path, declared, got, err)
			}
			if err := answer.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestErrorsTellTheCallerOnlyWhatTheyShould(t *testing.T) {
	routes := func(s *Server) {
		fail := func(path string, h func(w http.ResponseWriter) error) {
			s.Handle(http.MethodGet, path, 0, func(_ context.Context, _ string, w http.ResponseWriter, _ *http.Request) error { return h(w) })
		}
		fail("/typed", func(http.ResponseWriter) error {
			return fmt.Errorf("wrapped: %w", &Error{Status: 409, Kind: "conflict", Message: "epoch 2 is over", Err: errors.New("share 0xc0ffee")})
		})
		fail("/plain", func(http.ResponseWriter) error { return errors.New("share 0xc0ffee") })
		fail("/nonsense", func(http.ResponseWriter) error {
			return &Error{Status: 200, Kind: "conflict", Message: "share 0xc0ffee"}
		})
		fail("/panic", func(http.ResponseWriter) error { panic("share 0xc0ffee") })
		fail("/long", func(http.ResponseWriter) error {
			return &Error{Status: 409, Kind: "conflict", Message: strings.Repeat("<染", 100_000)}
		})
		fail("/late", func(w http.ResponseWriter) error {
			if _, err := io.WriteString(w, "half an ans"); err != nil {
				return err
			}
			return errors.New("share 0xc0ffee")
		})
	}
	nodes := startCluster(t, Options{}, ServerOptions{}, routes, "a", "b")
	do := func(path string) error {
		t.Helper()
		_, err := nodes["a"].client.Do(t.Context(), "b", http.MethodGet, path, nil)
		if err == nil {
			t.Fatalf("%s succeeded", path)
		}
		if strings.Contains(err.Error(), "c0ffee") {
			t.Fatalf("%s told the caller %q", path, err)
		}
		return err
	}
	details := func() {
		t.Helper()
		if err := nodes["b"].failed.next(t); !strings.Contains(err.Error(), "c0ffee") {
			t.Fatalf("the details were not reported, but %v", err)
		}
	}
	if got := wantRemote(t, do("/typed"), 409, "conflict"); got != "epoch 2 is over" {
		t.Errorf("the message is %q", got)
	}
	details()
	for _, path := range []string{"/plain", "/nonsense", "/panic"} {
		wantRemote(t, do(path), http.StatusInternalServerError, KindInternal)
		details()
	}
	if got := wantRemote(t, do("/long"), 409, "conflict"); len(got) > maxMessage || len(got) < maxMessage-4 {
		t.Errorf("a long message arrived with %d bytes", len(got))
	}
	if err := nodes["b"].failed.next(t); err == nil {
		t.Error("not reported")
	}
	if err := do("/late"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("an answer that broke off: %v, want ErrUnreachable", err)
	}
	details()
}

// rawRequest speaks HTTP by hand over an authenticated connection.
func rawRequest(t testing.TB, from, to *node, text string) net.Conn {
	t.Helper()
	conn, err := (&tls.Dialer{Config: ClientTLS(from.identity, from.roster, to.id, ProtocolPeer)}).
		DialContext(t.Context(), "tcp", to.mux.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestStalledRequestBodiesAreGivenUp(t *testing.T) {
	routes := func(s *Server) {
		s.Handle(http.MethodPost, "/read", 1000, func(_ context.Context, _ string, _ http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
		s.Handle(http.MethodPost, "/ignore", 1000, func(context.Context, string, http.ResponseWriter, *http.Request) error { return nil })
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t, Options{}, ServerOptions{StallTimeout: time.Second}, routes)
		for _, path := range []string{"/read", "/ignore"} {
			conn := p.dial()
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\nonly this"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); err != nil {
				var timeout net.Error
				if errors.As(err, &timeout) && timeout.Timeout() {
					t.Errorf("%s: the connection was not closed", path)
				}
			}
		}
	})
}

// The time limit is on standing still, neither on the body as a whole nor on
// the handler's work after it.
func TestSlowButSteadyRequestsAreServed(t *testing.T) {
	const stall = 2 * time.Second
	const text = "0123456789"
	routes := func(s *Server) {
		s.Handle(http.MethodPost, "/slow", 1000, func(ctx context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			// Reading on at the end must not start the clock again.
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return err
			}
			select {
			case <-time.After(stall + stall/8): // the work
			case <-ctx.Done():
				return fmt.Errorf("interrupted: %w", context.Cause(ctx))
			}
			_, err = w.Write(b)
			return err
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t, Options{}, ServerOptions{StallTimeout: stall}, routes)
		conn := p.dial()
		if _, err := io.WriteString(conn, "POST /slow HTTP/1.1\r\nHost: b\r\nContent-Length: 10\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(stall - stall/8)
		defer tick.Stop()
		for _, c := range text {
			<-tick.C
			if _, err := io.WriteString(conn, string(c)); err != nil {
				t.Fatal(err)
			}
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if b, err := io.ReadAll(response.Body); err != nil || string(b) != text {
			t.Fatalf("%d %q, %v", response.StatusCode, b, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		p.failed.empty(t)
	})
}

// Who calls is what the key says, whatever a header claims.
func TestCallerIsTheKeyNotTheText(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b", "c")
	conn := rawRequest(t, nodes["a"], nodes["b"],
		"POST /echo HTTP/1.1\r\nHost: c\r\nFrom: c\r\nX-Forwarded-For: c\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(answer), "\r\n\r\na:") {
		t.Fatalf("answered %q", answer)
	}
}

// A server that is put on a listener other than a Mux's has no callers.
func TestServerAnswersNobodyWithoutANode(t *testing.T) {
	failed := newRecord()
	s := NewServer(ServerOptions{Failed: func(_, _, _ string, err error) { failed.add(err) }})
	echo(s)
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/echo", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", response.StatusCode)
	}
	if err := failed.next(t); err == nil {
		t.Error("not reported")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownWaitsForRequestsUntilItsContextEnds(t *testing.T) {
	for _, patient := range []bool{true, false} {
		t.Run(fmt.Sprintf("patient=%t", patient), func(t *testing.T) {
			begun, release := make(chan struct{}), make(chan struct{})
			routes := func(s *Server) {
				s.Handle(http.MethodGet, "/wait", 0, func(ctx context.Context, _ string, _ http.ResponseWriter, _ *http.Request) error {
					close(begun)
					select {
					case <-release:
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
			}
			nodes := startCluster(t, Options{}, ServerOptions{}, routes, "a", "b")
			result := make(chan error, 1)
			go func() {
				_, err := nodes["a"].client.Do(t.Context(), "b", http.MethodGet, "/wait", nil)
				result <- err
			}()
			<-begun
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if patient {
				time.AfterFunc(20*time.Millisecond, func() { close(release) })
			} else {
				time.AfterFunc(20*time.Millisecond, cancel)
			}
			err, called := nodes["b"].server.Shutdown(ctx), <-result
			if patient && (err != nil || called != nil) {
				t.Errorf("shut down with %v, the request ended with %v", err, called)
			}
			if patient {
				return
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("shut down with %v, want the context's error", err)
			}
			// The handler ends and the connection breaks at the same time.
			if !errors.Is(called, ErrUnreachable) {
				wantRemote(t, called, http.StatusServiceUnavailable, KindClosing)
			}
		})
	}
}

func TestMalformedRoutesPanicAtStart(t *testing.T) {
	h := func(context.Context, string, http.ResponseWriter, *http.Request) error { return nil }
	for name, register := range map[string]func(s *Server){
		"no method":      func(s *Server) { s.Handle("", "/x", 0, h) },
		"no path":        func(s *Server) { s.Handle("GET", "", 0, h) },
		"trailing slash": func(s *Server) { s.Handle("GET", "/x/", 0, h) },
		"negative body":  func(s *Server) { s.Handle("GET", "/x", -1, h) },
		"no handler":     func(s *Server) { s.Handle("GET", "/x", 0, nil) },
		"twice":          func(s *Server) { s.Handle("GET", "/x", 0, h); s.Handle("GET", "/x", 0, h) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: registered", name)
				}
			}()
			register(NewServer(ServerOptions{}))
		}()
	}
}
