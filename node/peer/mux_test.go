package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func dialRaw(t testing.TB, n *node) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", n.mux.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestStalledHandshakesTimeOut(t *testing.T) {
	a := startCluster(t, Options{HandshakeTimeout: 50 * time.Millisecond}, ServerOptions{}, echo, "a")["a"]
	silent, halting := dialRaw(t, a), dialRaw(t, a)
	if _, err := halting.Write([]byte{22, 3, 1, 2, 0, 1}); err != nil { // the head of a ClientHello
		t.Fatal(err)
	}
	closedSoon(t, silent)
	closedSoon(t, halting)
	for range 2 {
		if err := a.refused.next(t); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("refused for %v, want a timeout", err)
		}
	}
}

func TestStalledHandshakesDoNotHoldUpNodes(t *testing.T) {
	const most = 8
	nodes := startCluster(t, Options{HandshakeTimeout: time.Hour, MaxHandshakes: most}, ServerOptions{}, echo, "a", "b")
	b := nodes["b"]
	oldest := dialRaw(t, b)
	for range 5 * most {
		dialRaw(t, b)
	}
	closedSoon(t, oldest)
	if err := b.refused.next(t); !errors.Is(err, errEvicted) {
		t.Errorf("refused for %v, want errEvicted", err)
	}
	wantEcho(t, nodes["a"], "b")
	conn := raftPair(t, nodes["a"], b)
	_ = conn.Close()
}

// Nodes that call many at a time are not taken for a flood: they finish.
func TestManyNodesAtOnceAreAllServed(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b")
	errs := make(chan error)
	for range 32 {
		go func() {
			_, err := nodes["a"].client.Do(t.Context(), "b", http.MethodPost, "/echo", nil)
			errs <- err
		}()
	}
	for range 32 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	nodes["b"].refused.empty(t)
}

// raftPair dials a raft stream and checks that it carries bytes both ways. It
// returns the accepting side's end.
func raftPair(t testing.TB, from, to *node) *Conn {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := to.mux.Raft().Accept()
		if err != nil {
			close(accepted)
			return
		}
		if _, err := io.CopyN(conn, conn, 4); err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	conn, err := from.mux.Raft().Dial(to.mux.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write([]byte("raft")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "raft" {
		t.Fatalf("the stream echoed %q, %v", got, err)
	}
	other := (<-accepted).(*Conn)
	if other.Node() != from.id || conn.(*Conn).Node() != to.id {
		t.Fatalf("the ends of the stream see %s and %s", other.Node(), conn.(*Conn).Node())
	}
	return other
}

func TestRaftStreamsAndRequestsShareThePort(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b")
	a, b := nodes["a"], nodes["b"]
	end := raftPair(t, a, b)
	wantEcho(t, a, "b")
	if err := end.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := end.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("read past the deadline: %v, want a timeout", err)
	}
}

func TestRaftDialsOnlyTheRoster(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, nil, "a", "b")
	if _, err := nodes["a"].mux.Raft().Dial("127.0.0.1:1", 0); !errors.Is(err, ErrUnknownNode) {
		t.Fatalf("%v, want ErrUnknownNode", err)
	}
}

func TestRaftNamesTheAdvertisedAddress(t *testing.T) {
	n := startNode(t, "a", newIdentity(t, "a"), Options{Advertise: "node-a.example:7001"}, ServerOptions{})
	if got := n.mux.Raft().Addr().String(); got != "node-a.example:7001" {
		t.Errorf("raft's address is %s", got)
	}
	if got := n.mux.Raft().Addr().Network(); got != "tcp" {
		t.Errorf("raft's network is %s", got)
	}
	if n.mux.Peers().Addr().String() != n.mux.Addr().String() {
		t.Errorf("the requests' address is %s, the port's %s", n.mux.Peers().Addr(), n.mux.Addr())
	}
}

// The dialler has to know, or raft would believe in a stream that nobody reads.
func TestDialFailsWhereNobodyAccepts(t *testing.T) {
	t.Parallel() // it waits
	t.Run("yet", func(t *testing.T) {
		nodes := startCluster(t, Options{HandshakeTimeout: 2 * time.Second}, ServerOptions{}, nil, "a", "b")
		if _, err := nodes["a"].mux.Raft().Dial(nodes["b"].mux.Addr().String(), 0); !errors.Is(err, ErrUnreachable) {
			t.Fatalf("%v, want ErrUnreachable", err)
		}
		if err := nodes["b"].refused.next(t); !errors.Is(err, errNotServed) {
			t.Fatalf("refused for %v, want errNotServed", err)
		}
	})
	t.Run("any more", func(t *testing.T) {
		nodes := startCluster(t, Options{HandshakeTimeout: time.Hour}, ServerOptions{}, nil, "a", "b")
		if err := nodes["b"].mux.Raft().Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := nodes["a"].mux.Raft().Dial(nodes["b"].mux.Addr().String(), 0); !errors.Is(err, ErrUnreachable) {
			t.Fatalf("%v, want ErrUnreachable", err)
		}
		if _, err := nodes["b"].mux.Raft().Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("Accept: %v, want net.ErrClosed", err)
		}
	})
}

func TestDialGivesUpOnAPortThatIsSilent(t *testing.T) {
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0") // never accepts: the kernel does
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	a := startNode(t, "a", newIdentity(t, "a"), Options{}, ServerOptions{})
	a.setRoster(t, a.member(), Member{ID: "b", Key: newIdentity(t, "b").Public(), Addr: l.Addr().String()})
	if _, err := a.mux.Raft().Dial(l.Addr().String(), 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("raft: %v, want ErrUnreachable by timeout", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.client.Do(ctx, "b", http.MethodGet, "/", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("request: %v, want the context's error", err)
	}
}

func TestLeavingTheRosterClosesConnections(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	wait := func(s *Server) {
		echo(s)
		s.Handle(http.MethodGet, "/wait", 0, func(ctx context.Context, _ string, _ http.ResponseWriter, _ *http.Request) error {
			close(begun)
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		})
	}
	nodes := startCluster(t, Options{}, ServerOptions{}, wait, "a", "b")
	a, b := nodes["a"], nodes["b"]
	wantEcho(t, a, "b")
	stream := raftPair(t, a, b)
	result := make(chan error, 1)
	go func() {
		_, err := a.client.Do(t.Context(), "b", http.MethodGet, "/wait", nil)
		result <- err
	}()
	<-begun
	b.setRoster(t, b.member())
	if _, err := stream.Read(make([]byte, 1)); err == nil {
		t.Error("the raft stream is still open")
	}
	if err := <-result; !errors.Is(err, ErrUnreachable) {
		t.Errorf("the request under way: %v, want ErrUnreachable", err)
	}
	<-ended // its handler was told
	if _, err := a.client.Do(t.Context(), "b", http.MethodPost, "/echo", nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a further request: %v, want ErrUnreachable", err)
	}
	b.setRoster(t, a.member(), b.member())
	wantEcho(t, a, "b")
}

// The caller too drops whom it no longer knows, in the middle of a call.
func TestCallToANodeThatLeavesTheRosterEnds(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, silent, "a", "b")
	a := nodes["a"]
	answer, err := a.client.Stream(t.Context(), "b", http.MethodGet, "/half", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Close() }()
	a.setRoster(t, a.member())
	if _, err := io.Copy(io.Discard, answer); !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrStalled) {
		t.Errorf("the call under way: %v, want ErrUnreachable at once", err)
	}
	if _, err := a.client.Do(t.Context(), "b", http.MethodGet, "/half", nil); !errors.Is(err, ErrUnknownNode) {
		t.Errorf("a further call: %v, want ErrUnknownNode", err)
	}
}

func TestChangedKeyOrAddressIsUsedAtOnce(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b", "c")
	a, c := nodes["a"], nodes["c"]
	wantEcho(t, a, "b")
	// c takes over b's name in a's eyes: key and address.
	renamed := c.member()
	renamed.ID = "b"
	a.setRoster(t, a.member(), renamed)
	wantEcho(t, a, "b")
	if n := len(a.client.conns.list()); n != 1 {
		t.Errorf("%d connections are open, want the new one alone", n)
	}
}

func TestClosedPortClosesEverything(t *testing.T) {
	nodes := startCluster(t, Options{HandshakeTimeout: time.Hour}, ServerOptions{}, echo, "a", "b")
	a, b := nodes["a"], nodes["b"]
	stream := raftPair(t, a, b)
	stranger := dialRaw(t, b)
	wantEcho(t, a, "b")
	if err := b.mux.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.mux.Close(); err != nil {
		t.Fatalf("closed twice: %v", err)
	}
	closedSoon(t, stranger)
	if _, err := stream.Read(make([]byte, 1)); err == nil {
		t.Error("the raft stream is still open")
	}
	if n := len(b.mux.conns.list()); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if _, err := b.mux.Raft().Dial(a.mux.Addr().String(), 0); err == nil {
		t.Error("a closed port dials")
	}
	if _, err := b.mux.Peers().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v, want net.ErrClosed", err)
	}
}

func TestListenRefusesInvalidOptionsAndTakenPorts(t *testing.T) {
	a := startNode(t, "a", newIdentity(t, "a"), Options{}, ServerOptions{})
	for name, opts := range map[string]Options{
		"handshake timeout": {HandshakeTimeout: -1}, "stall timeout": {StallTimeout: -1},
		"handshakes": {MaxHandshakes: -1}, "connections": {MaxConns: -1}, "response": {MaxResponse: -1},
	} {
		if _, err := Listen("127.0.0.1:0", a.identity, a.roster, opts); !errors.Is(err, ErrOptions) {
			t.Errorf("Listen, %s: %v, want ErrOptions", name, err)
		}
		if _, err := NewClient(a.identity, a.roster, opts); !errors.Is(err, ErrOptions) {
			t.Errorf("NewClient, %s: %v, want ErrOptions", name, err)
		}
	}
	if _, err := Listen(a.mux.Addr().String(), a.identity, a.roster, Options{}); err == nil {
		t.Error("listened at a taken port")
	}
}

// A newer protocol will greet with another byte.
func TestDiallerRefusesAnotherGreeting(t *testing.T) {
	a := startCluster(t, Options{}, ServerOptions{}, nil, "a")["a"]
	b := newIdentity(t, "b")
	l, err := tls.Listen("tcp", "127.0.0.1:0", ServerTLS(b, a.roster))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	a.setRoster(t, a.member(), Member{ID: "b", Key: b.Public(), Addr: l.Addr().String()})
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte{greeting + 1})
		_ = conn.Close()
	}()
	if _, err := a.mux.Raft().Dial(l.Addr().String(), 0); !errors.Is(err, ErrProtocol) {
		t.Fatalf("%v, want ErrProtocol", err)
	}
}
