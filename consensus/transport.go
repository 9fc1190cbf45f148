package consensus

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// streams gives raft the caller's StreamLayer. It remembers the connections,
// since raft's transport leaves those of others open when it closes, and with
// them the goroutines that read from them.
type streams struct {
	layer StreamLayer
	addr  net.Addr

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // nil once closed
	closed error
}

var _ raft.StreamLayer = (*streams)(nil)

func newStreams(layer StreamLayer, o Options) *streams {
	s := &streams{layer: layer, addr: layer.Addr(), conns: map[net.Conn]struct{}{}}
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
	return s.keep(c)
}

// Dial implements raft.StreamLayer.
func (s *streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	c, err := s.layer.Dial(string(address), timeout)
	if err != nil {
		return nil, err
	}
	return s.keep(c)
}

// Addr implements net.Listener: where others reach this node.
func (s *streams) Addr() net.Addr { return s.addr }

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
		s.closed = fmt.Errorf("closing the stream layer: %w", err)
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

// resolver gives raft a member's present address.
type resolver func(id string) (string, bool)

// ServerAddr implements raft.ServerAddressProvider.
func (r resolver) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	addr, ok := r(string(id))
	if !ok {
		return "", fmt.Errorf("no address known for %s", id)
	}
	return raft.ServerAddress(addr), nil
}
