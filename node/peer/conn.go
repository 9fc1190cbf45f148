package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// greeting is the byte the accepting side sends once somebody has accepted the
// connection; it is also the version of what follows.
const greeting = 1

// Tap sees the plaintext of connections, above TLS, for tests that prove what
// does and does not travel. sent says whether p was written to the connection
// (else it was read); what goes one way over one connection is seen in order.
// A tap must not keep or change p.
type Tap func(c *Conn, sent bool, p []byte)

// Conn is an authenticated connection to a node.
type Conn struct {
	net.Conn // the TLS connection

	node     string
	key      ed25519.PublicKey
	protocol string
	tap      Tap           // nil in production
	stall    time.Duration // limit of one Write; 0: the user of the connection sets deadlines
	group    *connGroup
	once     sync.Once
	closeErr error
}

// Node returns the id of the node on the other side, as its key proved it.
func (c *Conn) Node() string { return c.node }

// Protocol returns what the connection is for: ProtocolPeer or ProtocolRaft.
func (c *Conn) Protocol() string { return c.protocol }

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.tap != nil && n > 0 {
		c.tap(c, false, p[:n])
	}
	return n, err
}

// Write implements net.Conn. On a connection for requests, a write that cannot
// be handed to the network within the stall limit fails.
func (c *Conn) Write(p []byte) (int, error) {
	if c.stall > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Write(p)
	if c.tap != nil && n > 0 {
		c.tap(c, true, p[:n])
	}
	return n, err
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.group.remove(c)
		c.closeErr = c.Conn.Close()
	})
	return c.closeErr
}

// CloseWrite tells the other side that nothing more will be written. net/http
// uses it to get an error across before it gives a connection up.
func (c *Conn) CloseWrite() error {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.CloseWrite()
	}
	return nil
}

// abort closes the connection without a farewell, which could wait for the
// other side. What was under way is not wanted any more, nor is its error.
func (c *Conn) abort() {
	if t, ok := c.Conn.(*tls.Conn); ok {
		_ = t.NetConn().Close()
	}
	_ = c.Close()
}

// connGroup is the open connections of one owner.
type connGroup struct {
	mu     sync.Mutex
	conns  map[*Conn]struct{}
	of     map[string]int // open ones by node; values ≥ 1
	closed bool
}

func newConnGroup() *connGroup {
	return &connGroup{conns: make(map[*Conn]struct{}), of: make(map[string]int)}
}

// add takes a connection in. It fails when the group is closed, and when the node has
// as many as it may: errTooMany.
func (g *connGroup) add(c *Conn, most int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return net.ErrClosed
	case g.of[c.node] >= most:
		return fmt.Errorf("%w: %d of node %s are open", errTooMany, most, c.node)
	}
	g.conns[c] = struct{}{}
	g.of[c.node]++
	return nil
}

func (g *connGroup) remove(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.conns[c]; !in {
		return
	}
	delete(g.conns, c)
	if g.of[c.node]--; g.of[c.node] == 0 {
		delete(g.of, c.node)
	}
}

// prune closes the connections whose key the roster no longer pins.
func (g *connGroup) prune(r *Roster) {
	for _, c := range g.list() {
		if !r.pins(c.node, c.key) {
			c.abort()
		}
	}
}

// close closes all connections, and those to come.
func (g *connGroup) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	for _, c := range g.list() {
		c.abort()
	}
}

func (g *connGroup) list() []*Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.conns))
}

// adopt wraps a TLS connection whose handshake is done, and enters it into the
// group. It looks the key up again: the roster may have changed in between.
func adopt(t *tls.Conn, roster *Roster, group *connGroup, opts Options) (*Conn, error) {
	state := t.ConnectionState()
	key, err := leafKey(state)
	if err != nil {
		return nil, err
	}
	member, ok := roster.MemberByKey(key)
	if !ok {
		return nil, fmt.Errorf("%w: no node of the roster has it", ErrNotPinned)
	}
	c := &Conn{Conn: t, node: member.ID, key: key, protocol: state.NegotiatedProtocol, tap: opts.Tap, group: group}
	if c.protocol == ProtocolPeer {
		c.stall = opts.StallTimeout
	}
	if err := group.add(c, opts.MaxConnsFrom); err != nil {
		return nil, err
	}
	// A Set between the lookup and the entry has pruned without this one.
	if !roster.pins(c.node, c.key) {
		group.remove(c)
		return nil, fmt.Errorf("%w: node %s has left the roster", ErrNotPinned, c.node)
	}
	return c, nil
}

// dial connects to a member, proves who is at either end, and waits until the
// other side has accepted.
func dial(ctx context.Context, identity *Identity, roster *Roster, group *connGroup, opts Options, m Member, protocol string) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.HandshakeTimeout)
	defer cancel()
	d := net.Dialer{KeepAliveConfig: keepAlive}
	raw, err := d.DialContext(ctx, "tcp", m.Addr)
	if err != nil {
		return nil, err
	}
	t := tls.Client(raw, ClientTLS(identity, roster, m.ID, protocol))
	// Closing is what interrupts the reads below when ctx ends.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	c, err := greeted(ctx, t, roster, group, opts)
	if !stop() && err == nil {
		c.abort() // it was closed under us
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = raw.Close() // the connection is of no use; err says why
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return nil, err
	}
	return c, nil
}

func greeted(ctx context.Context, t *tls.Conn, roster *Roster, group *connGroup, opts Options) (*Conn, error) {
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	var hello [1]byte
	if _, err := t.Read(hello[:]); err != nil {
		return nil, fmt.Errorf("not accepted: %w", err)
	}
	if hello[0] != greeting {
		return nil, fmt.Errorf("%w: greeting %d, want %d", ErrProtocol, hello[0], greeting)
	}
	return adopt(t, roster, group, opts)
}
