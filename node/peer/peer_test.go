package peer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// net/http lingers half a second on a connection whose body it did not read
	// to the end, so that the error it answered with arrives.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func newIdentity(t testing.TB, name string) *Identity {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	identity, err := NewIdentity(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func newRoster(t testing.TB, members ...Member) *Roster {
	t.Helper()
	r, err := NewRoster(members)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// node is a node with a port, a server without routes, and a client.
type node struct {
	id       string
	identity *Identity
	roster   *Roster
	mux      *Mux
	server   *Server
	client   *Client
	refused  *record
	failed   *record
}

// record collects errors from many goroutines.
type record struct{ errs chan error }

func newRecord() *record { return &record{errs: make(chan error, 1000)} }

func (r *record) add(err error) { r.errs <- err }

// next waits for the next error.
func (r *record) next(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.errs:
		return err
	case <-time.After(patience):
		t.Fatal("nothing was reported")
		return nil
	}
}

func (r *record) empty(t testing.TB) {
	t.Helper()
	select {
	case err := <-r.errs:
		t.Errorf("reported: %v", err)
	default:
	}
}

func (n *node) member() Member {
	return Member{ID: n.id, Key: n.identity.Public(), Addr: n.mux.Addr().String()}
}

// startNode starts a node whose roster is empty.
func startNode(t testing.TB, id string, identity *Identity, opts Options, serverOpts ServerOptions) *node {
	t.Helper()
	n := &node{id: id, identity: identity, roster: newRoster(t), refused: newRecord(), failed: newRecord()}
	opts.Refused = func(_ net.Addr, err error) { n.refused.add(err) }
	serverOpts.Failed = func(_, _, _ string, err error) { n.failed.add(err) }
	var err error
	if n.mux, err = Listen("127.0.0.1:0", identity, n.roster, opts); err != nil {
		t.Fatal(err)
	}
	if n.client, err = NewClient(identity, n.roster, opts); err != nil {
		t.Fatal(err)
	}
	n.server = NewServer(serverOpts)
	t.Cleanup(func() {
		n.client.Close()
		_ = n.server.Shutdown(t.Context()) // which is over: what is still under way is broken
		if err := n.mux.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// serve starts answering requests.
func (n *node) serve(t testing.TB) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.server.Serve(n.mux.Peers()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _ = n.mux.Peers().Close() })
}

// startCluster starts nodes that all know each other. Their routes are added by
// routes before they serve.
func startCluster(t testing.TB, opts Options, serverOpts ServerOptions, routes func(s *Server), ids ...string) map[string]*node {
	t.Helper()
	nodes := make(map[string]*node, len(ids))
	var members []Member
	for _, id := range ids {
		nodes[id] = startNode(t, id, newIdentity(t, id), opts, serverOpts)
		members = append(members, nodes[id].member())
	}
	for _, n := range nodes {
		n.setRoster(t, members...)
		if routes != nil {
			routes(n.server)
		}
		n.serve(t)
	}
	return nodes
}

// piped is a node a that calls a node b over pipes, which a test in a bubble of package
// synctest can wait on: there time passes only while everybody waits.
type piped struct {
	client *Client       // of a
	failed *record       // of b
	stall  time.Duration // limit of one Write of b; 0: none
	conns  chan net.Conn
	closed chan struct{}
}

// newPiped is to be called in a bubble.
func newPiped(t *testing.T, opts Options, serverOpts ServerOptions, routes func(s *Server)) *piped {
	t.Helper()
	p := &piped{failed: newRecord(), stall: serverOpts.StallTimeout, conns: make(chan net.Conn), closed: make(chan struct{})}
	a, b := newIdentity(t, "a"), newIdentity(t, "b")
	var err error
	if p.client, err = NewClient(a, newRoster(t, Member{ID: "b", Key: b.Public(), Addr: "b:1"}), opts); err != nil {
		t.Fatal(err)
	}
	pool, err := p.client.pool("b")
	if err != nil {
		t.Fatal(err)
	}
	pool.transport.DialTLSContext = func(context.Context, string, string) (net.Conn, error) {
		c := &Conn{Conn: p.dial(), node: "b", stall: opts.StallTimeout, group: p.client.conns}
		return c, p.client.conns.add(c, 1)
	}
	serverOpts.Failed = func(_, _, _ string, err error) { p.failed.add(err) }
	server := NewServer(serverOpts)
	routes(server)
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.Serve(p); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		p.client.Close()
		_ = server.Shutdown(t.Context()) // which is over: what is still under way is broken
		served.Wait()
	})
	return p
}

// dial connects to b, and returns a's end.
func (p *piped) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- &Conn{Conn: theirs, node: "a", stall: p.stall, group: newConnGroup()}
	return ours
}

// Accept implements net.Listener.
func (p *piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *piped) Close() error {
	close(p.closed)
	return nil
}

// Addr implements net.Listener.
func (*piped) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (n *node) setRoster(t testing.TB, members ...Member) {
	t.Helper()
	if err := n.roster.Set(members); err != nil {
		t.Fatal(err)
	}
}

// echo answers with the caller's id and the body.
func echo(s *Server) {
	s.Handle(http.MethodPost, "/echo", 1<<20, func(_ context.Context, from string, w http.ResponseWriter, r *http.Request) error {
		var b bytes.Buffer
		b.WriteString(from + ":")
		if _, err := b.ReadFrom(r.Body); err != nil {
			return err
		}
		_, err := w.Write(b.Bytes())
		return err
	})
}

// wantEcho makes one call that must succeed.
func wantEcho(t testing.TB, from *node, to string) {
	t.Helper()
	got, err := from.client.Do(t.Context(), to, http.MethodPost, "/echo", []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if want := from.id + ":hello"; string(got) != want {
		t.Fatalf("%s answered %q, want %q", to, got, want)
	}
}

// closedSoon waits until the other side closes a connection, and fails when it
// says anything else before.
func closedSoon(t testing.TB, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Read(make([]byte, 1))
	if err == nil {
		t.Fatalf("read %d bytes, want a closed connection", n)
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("the connection was not closed")
	}
}
