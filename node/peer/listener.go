package peer

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// protocolListener is the net.Listener of one protocol of the port.
type protocolListener struct {
	addr    net.Addr
	timeout time.Duration // of the greeting
	conns   chan *Conn
	done    chan struct{} // closed by Close
	once    sync.Once
}

var _ net.Listener = (*protocolListener)(nil)

func newProtocolListener(addr net.Addr, timeout time.Duration) *protocolListener {
	return &protocolListener{addr: addr, timeout: timeout, conns: make(chan *Conn), done: make(chan struct{})}
}

// Accept implements net.Listener. The connection is a *Conn, and greeted.
func (l *protocolListener) Accept() (net.Conn, error) {
	for {
		select {
		case c := <-l.conns:
			if c.greet(l.timeout) {
				return c, nil
			}
			c.abort()
		case <-l.done:
			return nil, net.ErrClosed
		}
	}
}

// Close implements net.Listener: connections that were accepted stay open, none
// is accepted any more. It never fails.
func (l *protocolListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *protocolListener) Addr() net.Addr { return l.addr }

// hand passes a connection to whoever accepts, and waits for that.
func (l *protocolListener) hand(ctx context.Context, c *Conn) error {
	select {
	case l.conns <- c:
		return nil
	case <-l.done:
		return errNotServed
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errNotServed, context.Cause(ctx))
	}
}

// greet tells the dialler that it is accepted. A single byte into an empty send
// buffer does not wait; when it fails, the dialler is gone. It goes past the
// tap, being no part of the protocol.
func (c *Conn) greet(timeout time.Duration) bool {
	if c.SetDeadline(time.Now().Add(timeout)) != nil {
		return false
	}
	if _, err := c.Conn.Write([]byte{greeting}); err != nil {
		return false
	}
	return c.SetDeadline(time.Time{}) == nil
}

// RaftLayer is the streams of the consensus log: a listener of those that
// arrive, and Dial. It has the shape of raft's StreamLayer.
type RaftLayer struct {
	*protocolListener
	mux *Mux
}

// Dial opens a stream to the node that the roster has at address. It accepts
// that node's key alone. timeout bounds everything until the other side has
// accepted; 0, or anything longer than Options.HandshakeTimeout, means that.
func (l *RaftLayer) Dial(address string, timeout time.Duration) (net.Conn, error) {
	m := l.mux
	member, ok := m.roster.MemberByAddr(address)
	if !ok {
		return nil, fmt.Errorf("dial %s: %w", address, ErrUnknownNode)
	}
	opts := m.opts
	if timeout > 0 {
		opts.HandshakeTimeout = min(timeout, opts.HandshakeTimeout)
	}
	c, err := dial(m.ctx, m.identity, m.roster, m.conns, opts, member, ProtocolRaft)
	if err != nil {
		return nil, &UnreachableError{Node: member.ID, Err: err}
	}
	return c, nil
}

// address is a net.Addr that is only spelled out.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
