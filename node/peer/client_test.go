package peer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLargeBodiesStreamBothWays(t *testing.T) {
	const size = 24 << 20
	routes := func(s *Server) {
		s.Handle(http.MethodPut, "/hash", size, func(_ context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
			h := sha256.New()
			if _, err := io.Copy(h, r.Body); err != nil {
				return err
			}
			_, err := w.Write(h.Sum(nil))
			return err
		})
		s.Handle(http.MethodGet, "/bytes", 0, func(_ context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, io.LimitReader(endless(), size))
			return err
		})
	}
	nodes := startCluster(t, Options{}, ServerOptions{}, routes, "a", "b")
	c := nodes["a"].client
	want := sha256.New()
	if _, err := io.Copy(want, io.LimitReader(endless(), size)); err != nil {
		t.Fatal(err)
	}
	for _, declared := range []int64{size, -1} {
		answer, err := c.Stream(t.Context(), "b", http.MethodPut, "/hash", io.LimitReader(endless(), size), declared)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer)
		if err != nil || !bytes.Equal(got, want.Sum(nil)) {
			t.Fatalf("sent with length %d: another hash (%v)", declared, err)
		}
		_ = answer.Close()
	}
	answer, err := c.Stream(t.Context(), "b", http.MethodGet, "/bytes", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Close() }()
	got := sha256.New()
	if n, err := io.Copy(got, answer); err != nil || n != size || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Fatalf("received %d bytes of another hash, or %v", n, err)
	}
	if _, err := c.Do(t.Context(), "b", http.MethodGet, "/bytes", nil); !errors.Is(err, ErrResponseTooLarge) {
		t.Fatalf("read into memory: %v, want ErrResponseTooLarge", err)
	}
}

// endless returns the same endless, unrepeating bytes every time.
func endless() io.Reader { return rand.NewChaCha8([32]byte{}) }

func TestResponseLimitIsExact(t *testing.T) {
	routes := func(s *Server) {
		s.Handle(http.MethodGet, "/bytes/{n}", 0, func(_ context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
			var n int64
			if _, err := fmt.Sscan(r.PathValue("n"), &n); err != nil {
				return err
			}
			_, err := io.CopyN(w, zeros{}, n)
			return err
		})
	}
	nodes := startCluster(t, Options{MaxResponse: 100}, ServerOptions{}, routes, "a", "b")
	if got, err := nodes["a"].client.Do(t.Context(), "b", http.MethodGet, "/bytes/100", nil); err != nil || len(got) != 100 {
		t.Errorf("100 bytes: %d, %v", len(got), err)
	}
	if _, err := nodes["a"].client.Do(t.Context(), "b", http.MethodGet, "/bytes/101", nil); !errors.Is(err, ErrResponseTooLarge) {
		t.Errorf("101 bytes: %v, want ErrResponseTooLarge", err)
	}
}

func TestJSONRoundTripIsStrict(t *testing.T) {
	type sum struct {
		A int `json:"a"`
		B int `json:"b"`
	}
	routes := func(s *Server) {
		s.Handle(http.MethodPost, "/add", 100, func(_ context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
			var in sum
			if err := ReadJSON(r, &in); err != nil {
				return err
			}
			return WriteJSON(w, in.A+in.B)
		})
		s.Handle(http.MethodPost, "/bad", 0, func(_ context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
			return WriteJSON(w, func() {})
		})
	}
	nodes := startCluster(t, Options{}, ServerOptions{}, routes, "a", "b")
	c := nodes["a"].client
	var got int
	if err := c.JSON(t.Context(), "b", http.MethodPost, "/add", sum{A: 2, B: 3}, &got); err != nil || got != 5 {
		t.Fatalf("2 + 3 = %d, %v", got, err)
	}
	for _, body := range []string{``, `{`, `{"a":1}{}`, `{"a":1} x`, `{"a":"1"}`, `{"c":1}`, `[]`} {
		_, err := c.Do(t.Context(), "b", http.MethodPost, "/add", []byte(body))
		wantRemote(t, err, http.StatusBadRequest, KindInvalid)
	}
	_, err := c.Do(t.Context(), "b", http.MethodPost, "/add", []byte(`{"a":`+strings.Repeat(" ", 200)+`1}`))
	wantRemote(t, err, http.StatusRequestEntityTooLarge, KindTooLarge)
	if err := c.JSON(t.Context(), "b", http.MethodPost, "/add", func() {}, nil); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a body that is no JSON: %v", err)
	}
	var text string
	if err := c.JSON(t.Context(), "b", http.MethodPost, "/add", sum{}, &text); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("an answer of another type: %v", err)
	}
	wantRemote(t, c.JSON(t.Context(), "b", http.MethodPost, "/bad", nil, nil), http.StatusInternalServerError, KindInternal)
}

func TestUnreachableAndUnknownNodesAreToldApart(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b")
	a, b := nodes["a"], nodes["b"]
	if _, err := a.client.Do(t.Context(), "z", http.MethodPost, "/echo", nil); !errors.Is(err, ErrUnknownNode) || errors.Is(err, ErrUnreachable) {
		t.Errorf("an unknown node: %v", err)
	}
	if err := b.mux.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := a.client.Do(t.Context(), "b", http.MethodPost, "/echo", nil)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || unreachable.Node != "b" {
		t.Errorf("a node that is down: %v, want an UnreachableError of b", err)
	}
	if _, err := a.client.Do(t.Context(), "b", http.MethodPost, "echo", nil); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a path without slash: %v", err)
	}
	if _, err := a.client.Do(t.Context(), "b", "BAD METHOD", "/echo", nil); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a malformed method: %v", err)
	}
}

// silent routes answer nothing, or begin to. When the caller gives up they end
// as if all had been said, which must not pass for a whole answer.
func silent(s *Server) {
	s.Handle(http.MethodGet, "/nothing", 0, func(ctx context.Context, _ string, _ http.ResponseWriter, _ *http.Request) error {
		<-ctx.Done()
		return nil
	})
	s.Handle(http.MethodGet, "/half", 0, func(ctx context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

func TestCallsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t, Options{}, ServerOptions{}, silent)
		for _, path := range []string{"/nothing", "/half"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := p.client.Do(ctx, "b", http.MethodGet, path, nil); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnreachable) {
				t.Errorf("%s: %v, want the context's error alone", path, err)
			}
			cancel()
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := p.client.Do(ctx, "b", http.MethodGet, "/nothing", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestStalledAnswersEndACallWithoutDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t, Options{StallTimeout: time.Second}, ServerOptions{}, silent)
		for _, path := range []string{"/nothing", "/half"} {
			if _, err := p.client.Do(t.Context(), "b", http.MethodGet, path, nil); !errors.Is(err, ErrStalled) || !errors.Is(err, ErrUnreachable) {
				t.Errorf("%s: %v, want ErrStalled", path, err)
			}
		}
	})
}

func TestDeadlineOfTheCallerReplacesTheStallLimit(t *testing.T) {
	const stall = time.Second
	routes := func(s *Server) {
		s.Handle(http.MethodGet, "/slow", 0, func(_ context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
			<-time.After(3 * stall) // the work
			_, err := io.WriteString(w, "done")
			return err
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t, Options{StallTimeout: stall}, ServerOptions{}, routes)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if got, err := p.client.Do(ctx, "b", http.MethodGet, "/slow", nil); err != nil || string(got) != "done" {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

// The reader of an answer may take its time: only waiting for the network
// counts.
func TestSlowReaderDoesNotStallACall(t *testing.T) {
	const (
		stall = 2 * time.Second
		size  = 2 << 20 // more than the client's buffers hold
	)
	routes := func(s *Server) {
		s.Handle(http.MethodGet, "/zeros", 0, func(_ context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
			_, err := io.CopyN(w, zeros{}, size)
			return err
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t, Options{StallTimeout: stall}, ServerOptions{}, routes)
		answer, err := p.client.Stream(t.Context(), "b", http.MethodGet, "/zeros", nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Close() }()
		if _, err := io.ReadFull(answer, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		<-time.After(stall + stall/8) // the reader's own work
		if n, err := io.Copy(io.Discard, answer); err != nil || n != size-1 {
			t.Fatalf("the rest was %d bytes, %v", n, err)
		}
	})
}

// A peer that finishes early because the caller gives up, and whose last words
// still arrive, has not answered in full.
func TestEndThatComesWithTheEndOfTheCallIsAnError(t *testing.T) {
	ctx, dog := watch(t.Context(), patience)
	body := &answerBody{ReadCloser: http.NoBody, ctx: ctx, dog: dog, what: callName{node: "b"}}
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("during the call: %v, want io.EOF", err)
	}
	dog.cancel(ErrStalled)
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, ErrStalled) {
		t.Fatalf("after its end: %v, want ErrStalled", err)
	}
	dog.stop()
}

func TestConnectionsAreKeptAndBounded(t *testing.T) {
	const most = 3
	nodes := startCluster(t, Options{MaxConns: most}, ServerOptions{}, echo, "a", "b")
	a := nodes["a"]
	for range 20 {
		wantEcho(t, a, "b")
	}
	if n := len(a.client.conns.list()); n != 1 {
		t.Errorf("calls one after the other opened %d connections", n)
	}
	for _, c := range append(a.client.conns.list(), nodes["b"].mux.conns.list()...) {
		if c.stall != DefaultStallTimeout {
			t.Errorf("a write to %s may stall for %s, want %s", c.node, c.stall, DefaultStallTimeout)
		}
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 5 {
				if _, err := a.client.Do(t.Context(), "b", http.MethodPost, "/echo", []byte("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(a.client.conns.list()); n > most {
		t.Errorf("calls at once opened %d connections, the limit is %d", n, most)
	}
}

// TestARefusalWithoutABodyKeepsTheConnection: a blob that is not held is asked for often. What
// may have left a part of a request's body unread closes it.
func TestARefusalWithoutABodyKeepsTheConnection(t *testing.T) {
	failed := newRecord()
	nodes := startCluster(t, Options{}, ServerOptions{Failed: func(_, _, _ string, err error) { failed.add(err) }}, func(s *Server) {
		refuse := func(context.Context, string, http.ResponseWriter, *http.Request) error {
			return &Error{Status: http.StatusNotFound, Kind: "none", Message: "this node does not hold it"}
		}
		s.Handle(http.MethodGet, "/blob", 0, refuse)
		s.Handle(http.MethodPost, "/blob", 1<<20, refuse)
	}, "a", "b")
	a := nodes["a"]
	open := func() *Conn {
		list := a.client.conns.list()
		if len(list) != 1 {
			t.Fatalf("%d connections are open, want 1", len(list))
		}
		return list[0]
	}
	ask := func(method string, body []byte) {
		t.Helper()
		_, err := a.client.Do(t.Context(), "b", method, "/blob", body)
		if remote, told := errors.AsType[*RemoteError](err); !told || remote.Kind != "none" {
			t.Fatalf("%s: %v", method, err)
		}
	}
	ask(http.MethodGet, nil)
	first := open()
	for range 10 {
		ask(http.MethodGet, nil)
		if open() != first {
			t.Fatal("a refusal of a request without a body closed its connection")
		}
	}
	ask(http.MethodPost, make([]byte, 1<<20))
	ask(http.MethodGet, nil)
	if open() == first {
		t.Error("a refusal that left a body unread kept its connection")
	}
}

func TestClosedClientCallsNobody(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b")
	a := nodes["a"]
	wantEcho(t, a, "b")
	a.client.Close()
	if n := len(a.client.conns.list()); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if _, err := a.client.Do(t.Context(), "b", http.MethodPost, "/echo", nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
}

// Later tests of what travels between nodes stand on the tap seeing all of it.
func TestTapSeesThePlaintextOfBothSides(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string][]byte)
	tap := func(c *Conn, sent bool, p []byte) {
		mu.Lock()
		defer mu.Unlock()
		key := fmt.Sprintf("%s %s %t", c.Node(), c.Protocol(), sent)
		seen[key] = append(seen[key], p...)
	}
	nodes := startCluster(t, Options{Tap: tap}, ServerOptions{}, echo, "a", "b")
	wantEcho(t, nodes["a"], "b")
	raftPair(t, nodes["a"], nodes["b"])
	// What is sent is seen once it is written, when it may have arrived already.
	tick, over := time.NewTicker(time.Millisecond), time.NewTimer(patience)
	defer tick.Stop()
	defer over.Stop()
	for same := false; !same; {
		mu.Lock()
		same = true
		for _, protocol := range []string{ProtocolPeer, ProtocolRaft} {
			same = same && len(seen["b "+protocol+" true"]) == len(seen["a "+protocol+" false"]) &&
				len(seen["a "+protocol+" true"]) == len(seen["b "+protocol+" false"])
		}
		mu.Unlock()
		select {
		case <-tick.C:
		case <-over.C:
			same = true // what differs is told below
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, protocol := range []string{ProtocolPeer, ProtocolRaft} {
		request, answer := seen["b "+protocol+" true"], seen["b "+protocol+" false"]
		if len(request) == 0 || !bytes.Equal(request, seen["a "+protocol+" false"]) {
			t.Errorf("%s: a sent %q, b received %q", protocol, request, seen["a "+protocol+" false"])
		}
		if len(answer) == 0 || !bytes.Equal(answer, seen["a "+protocol+" true"]) {
			t.Errorf("%s: b sent %q, a received %q", protocol, seen["a "+protocol+" true"], answer)
		}
	}
	if request := seen["b "+ProtocolPeer+" true"]; !bytes.Contains(request, []byte("POST /echo")) || !bytes.Contains(request, []byte("hello")) {
		t.Errorf("the request was seen as %q", request)
	}
}

func BenchmarkCall(b *testing.B) {
	nodes := startCluster(b, Options{}, ServerOptions{}, echo, "a", "b")
	wantEcho(b, nodes["a"], "b")
	for b.Loop() {
		if _, err := nodes["a"].client.Do(b.Context(), "b", http.MethodPost, "/echo", nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDial(b *testing.B) {
	nodes := startCluster(b, Options{}, ServerOptions{}, nil, "a", "b")
	done := make(chan struct{})
	go func() {
		defer close(done)
		acceptAndClose(nodes["b"].mux.Raft())
	}()
	for b.Loop() {
		conn, err := nodes["a"].mux.Raft().Dial(nodes["b"].mux.Addr().String(), 0)
		if err != nil {
			b.Fatal(err)
		}
		_ = conn.Close()
	}
	_ = nodes["b"].mux.Raft().Close()
	<-done
}

// A tile is 369 kB.
func BenchmarkUploadTile(b *testing.B) {
	const size = 368_656
	routes := func(s *Server) {
		s.Handle(http.MethodPut, "/tile", size, func(_ context.Context, _ string, _ http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
	}
	nodes := startCluster(b, Options{}, ServerOptions{}, routes, "a", "b")
	tile := make([]byte, size)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := nodes["a"].client.Do(b.Context(), "b", http.MethodPut, "/tile", tile); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds()/1e6, "MB-tiles/s")
}
