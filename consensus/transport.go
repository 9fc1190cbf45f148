package consensus

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// stallTimeout is how long a message of another member may pause, three times
// what raft gives a whole one that is no snapshot.
const stallTimeout = 3 * peerTimeout

// streams gives raft the caller's StreamLayer. It remembers the connections,
// since raft's transport leaves those of others open when it closes, and with
// them the goroutines that read from them.
type streams struct {
	layer StreamLayer
	addr  net.Addr

	// stall is how long a message that has begun may pause.
	stall time.Duration
	// own is this node's incarnation.
	own incarnation
	// applied is how far this node's state has come.
	applied func() uint64

	mu     sync.Mutex
	met    map[string]incarnation // by endpoint: who answered there last
	newest uint64                 // the largest log index of who dialed
	conns  map[net.Conn]struct{}  // nil once closed
	closed error
}

var _ raft.StreamLayer = (*streams)(nil)

func newStreams(layer StreamLayer, o Options) *streams {
	s := &streams{layer: layer, addr: layer.Addr(), stall: stallTimeout, met: map[string]incarnation{}, conns: map[net.Conn]struct{}{}, applied: func() uint64 { return 0 }}
	for _, m := range o.Members {
		if m.ID == o.ID {
			s.addr = memberAddr(m.Addr)
		}
	}
	if o.Resolve != nil {
		if addr, ok := o.Resolve(o.ID); ok {
			s.addr = memberAddr(addr)
		}
	}
	return s
}

// memberAddr is an address as members write it.
type memberAddr string

func (memberAddr) Network() string  { return "tcp" }
func (a memberAddr) String() string { return string(a) }

// Accept implements net.Listener.
func (s *streams) Accept() (net.Conn, error) {
	c, err := s.layer.Accept()
	if err != nil {
		return nil, err
	}
	return s.keep(&incoming{Conn: c, stall: s.stall, handshake: s.acceptHandshake})
}

// Dial implements raft.StreamLayer.
func (s *streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	to, err := parseEndpoint(string(address))
	if err != nil {
		return nil, err
	}
	c, err := s.layer.Dial(to.addr, timeout)
	if err != nil {
		return nil, err
	}
	if err := s.dialHandshake(c, to, timeout); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return s.keep(c)
}

// Addr implements net.Listener: where others reach this node, and as whom.
func (s *streams) Addr() net.Addr {
	return memberAddr(endpoint{addr: s.addr.String(), incarnation: s.own}.String())
}

func (s *streams) keep(c net.Conn) (net.Conn, error) {
	k := &keptConn{Conn: c, owner: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	s.conns[k] = struct{}{}
	return k, nil
}

// Close ends the listener and every connection. Later calls return what the
// first one did.
func (s *streams) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		return s.closed
	}
	if err := s.layer.Close(); err != nil {
		s.closed = fmt.Errorf("close the stream layer: %w", err)
	}
	for c := range s.conns {
		// A connection is closed to wake its reader. What it says about
		// that does not matter any more.
		_ = c.(*keptConn).Conn.Close()
	}
	s.conns = nil
	return s.closed
}

// keptConn is a connection that its streams close, should nobody else.
type keptConn struct {
	net.Conn
	owner *streams
}

// Close implements net.Conn.
func (k *keptConn) Close() error {
	k.owner.mu.Lock()
	delete(k.owner.conns, k)
	k.owner.mu.Unlock()
	return k.Conn.Close()
}

// incoming is a connection on which another member asks. Raft bounds how long an
// answer may take, and not how long a question may: it reads a snapshot of the
// leader on its main thread, and while nothing comes, because the leader's
// machine lost its power, this member does not vote. A message that has begun
// must go on; between messages a connection rests as long as it likes.
type incoming struct {
	net.Conn
	stall time.Duration
	begun bool // bytes were read since the last answer; by the reader alone
	// handshake finds out whether the other means this node; nil once it has.
	handshake func(c net.Conn) error
}

// Read implements net.Conn.
func (c *incoming) Read(b []byte) (int, error) {
	if c.handshake != nil {
		if err := c.handshake(c.Conn); err != nil {
			return 0, err
		}
		c.handshake = nil
	}
	var until time.Time
	if c.begun {
		until = time.Now().Add(c.stall)
	}
	if err := c.SetReadDeadline(until); err != nil {
		return 0, fmt.Errorf("bound a pause: %w", err)
	}
	n, err := c.Conn.Read(b)
	c.begun = c.begun || n > 0
	return n, err
}

// Write implements net.Conn. Raft answers on the goroutine that reads, and when
// it has read the whole question.
func (c *incoming) Write(b []byte) (int, error) {
	c.begun = false
	return c.Conn.Write(b)
}
