package peer

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

var (
	errEvicted   = errors.New("dropped for a newer connection: too many handshakes at a time")
	errTooMany   = errors.New("too many connections of one node")
	errNotServed = errors.New("nobody accepts this protocol")
)

// Mux is a node's peer port. It authenticates what arrives there and hands it
// to the listener of its protocol.
type Mux struct {
	listener net.Listener
	identity *Identity
	roster   *Roster
	opts     Options
	tls      *tls.Config
	conns    *connGroup
	unwatch  func()

	raft  *RaftLayer
	peers *protocolListener

	ctx    context.Context // ends with the mux; the handshakes' parent
	cancel context.CancelFunc
	wg     sync.WaitGroup // the accept loop and all handshakes

	mu       sync.Mutex
	pending  *list.List // of *handshake, oldest first
	closed   bool
	closeErr error
}

// handshake is a connection that is not authenticated yet.
type handshake struct {
	conn   net.Conn
	cancel context.CancelCauseFunc
}

// Listen opens the peer port at addr (host:port) for the nodes of the roster.
// Close ends it.
func Listen(addr string, identity *Identity, roster *Roster, opts Options) (*Mux, error) {
	opts, err := opts.validate()
	if err != nil {
		return nil, err
	}
	config := net.ListenConfig{KeepAliveConfig: keepAlive}
	listener, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	advertised := listener.Addr()
	if opts.Advertise != "" {
		advertised = address(opts.Advertise)
	}
	m := &Mux{
		listener: listener,
		identity: identity,
		roster:   roster,
		opts:     opts,
		tls:      ServerTLS(identity, roster),
		conns:    newConnGroup(),
		peers:    newProtocolListener(listener.Addr(), opts.HandshakeTimeout),
		pending:  list.New(),
	}
	m.raft = &RaftLayer{protocolListener: newProtocolListener(advertised, opts.HandshakeTimeout), mux: m}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.unwatch = roster.watch(func() { m.conns.prune(roster) })
	m.wg.Go(m.accept)
	return m, nil
}

// Addr returns the address the port listens at.
func (m *Mux) Addr() net.Addr { return m.listener.Addr() }

// Raft returns the streams of the consensus log.
func (m *Mux) Raft() *RaftLayer { return m.raft }

// Peers returns the listener of requests, for Server.Serve. Its connections
// are *Conn.
func (m *Mux) Peers() net.Listener { return m.peers }

// Close closes the port, both listeners and every connection that came through
// the port or was dialled by Raft, and waits for the goroutines.
func (m *Mux) Close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		m.closeErr = m.listener.Close()
	}
	m.mu.Unlock()
	m.cancel()
	m.unwatch()
	_ = m.raft.Close()  // never fails
	_ = m.peers.Close() // never fails
	m.conns.close()
	m.wg.Wait()
	if m.closeErr != nil {
		return fmt.Errorf("close peer port: %w", m.closeErr)
	}
	return nil
}

// accept takes connections until the listener is closed.
func (m *Mux) accept() {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			if m.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of file descriptors, most likely: give it time to pass.
			m.opts.Refused(m.listener.Addr(), fmt.Errorf("accept: %w", err))
			select {
			case <-m.ctx.Done():
				return
			case <-time.After(50 * time.Millisecond):
				continue
			}
		}
		m.begin(conn)
	}
}

// begin starts the handshake of a connection. When there are too many, the
// oldest is dropped: honest nodes finish within milliseconds, so whoever has
// waited longest is the least likely to be one.
func (m *Mux) begin(conn net.Conn) {
	ctx, cancel := context.WithCancelCause(m.ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		cancel(net.ErrClosed)
		_ = conn.Close() // a stranger's
		return
	}
	if m.pending.Len() >= m.opts.MaxHandshakes {
		oldest := m.pending.Remove(m.pending.Front()).(*handshake) // a list of nothing else
		oldest.cancel(errEvicted)
		_ = oldest.conn.Close() // a stranger's
	}
	entry := m.pending.PushBack(&handshake{conn: conn, cancel: cancel})
	m.wg.Go(func() {
		err := m.authenticate(ctx, conn, entry)
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = cause
		}
		cancel(nil)
		if err != nil {
			_ = conn.Close() // not accepted: err says why
			m.opts.Refused(conn.RemoteAddr(), err)
		}
	})
}

// authenticate finishes the handshake and hands the connection over.
func (m *Mux) authenticate(ctx context.Context, conn net.Conn, entry *list.Element) error {
	ctx, cancel := context.WithTimeout(ctx, m.opts.HandshakeTimeout)
	defer cancel()
	t := tls.Server(conn, m.tls)
	err := t.HandshakeContext(ctx)
	m.mu.Lock()
	m.pending.Remove(entry) // does nothing when it was evicted
	m.mu.Unlock()
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	c, err := adopt(t, m.roster, m.conns, m.opts)
	if err != nil {
		return err
	}
	to := m.peers
	if c.protocol == ProtocolRaft {
		to = m.raft.protocolListener
	}
	if err := to.hand(ctx, c); err != nil {
		c.abort()
		return fmt.Errorf("%s from node %s: %w", c.protocol, c.node, err)
	}
	return nil
}
