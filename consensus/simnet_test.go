package consensus

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// simNet carries bytes between simulated machines. It is a network of connections, as TLS makes
// them: bytes come in order or not at all. Between connections messages overtake each other, a
// connection breaks before a message, inside it, or before its answer, and a message comes again
// later on another connection, as a retry that was thought lost.
type simNet struct {
	seed  uint64
	base  time.Duration // of a message at least
	lose  float64       // a message breaks its connection
	slow  float64       // a message is late
	again float64       // a message comes again
	over  chan struct{}
	wg    sync.WaitGroup // messages that come again

	mu      sync.Mutex
	layers  map[string]*simLayer // by address
	blocked map[[2]string]int    // from, to
	changed chan struct{}        // closed and replaced when blocked or a connection's state changes
	conns   map[*simConn]bool
	dials   map[[2]string]int
	mute    map[string][]*simConn // by machine: connections that say nothing since it lost its power
	calm    bool                  // nothing is lost or late any more
}

func newSimNet(seed uint64, rng *rand.Rand) *simNet {
	base := time.Duration(1+rng.IntN(4)) * time.Millisecond
	if rng.IntN(3) == 0 {
		base *= 10 // the machines are far apart
	}
	return &simNet{
		seed: seed, base: base,
		lose: rng.Float64() * 0.01, slow: rng.Float64() * 0.1, again: rng.Float64() * 0.05, over: make(chan struct{}),
		layers: map[string]*simLayer{}, blocked: map[[2]string]int{}, changed: make(chan struct{}), conns: map[*simConn]bool{}, dials: map[[2]string]int{}, mute: map[string][]*simConn{},
	}
}

// turn wakes whoever waits for a change. mu is held.
func (n *simNet) turn() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// block keeps bytes from one machine to another back until the returned function is called.
func (n *simNet) block(from, to string) (unblock func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	link := [2]string{from, to}
	n.blocked[link]++
	var once sync.Once
	return func() {
		once.Do(func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.blocked[link]--
			n.turn()
		})
	}
}

// calmDown ends all losses and delays.
func (n *simNet) calmDown() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calm = true
}

// look returns whether bytes flow on a link, and what is closed when that may have changed.
func (n *simNet) look(from, to string) (flows bool, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.blocked[[2]string{from, to}] == 0, n.changed
}

// drop ends a machine's part of the network: its connections are reset, or say nothing any more
// until it is back, as after a loss of power.
func (n *simNet) drop(id string, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		if c.from == id || c.to == id {
			if silent {
				c.silence()
				n.mute[id] = append(n.mute[id], c)
			} else {
				c.reset()
			}
			delete(n.conns, c)
		}
	}
	n.turn()
}

// listen is a machine's layer. id names the machine, addr is where it is.
func (n *simNet) listen(id, addr string) *simLayer {
	l := &simLayer{net: n, id: id, addr: memberAddr(addr), conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.layers[addr] = l
	for _, c := range n.mute[id] { // the machine is back, and does not know them
		c.reset()
	}
	delete(n.mute, id)
	n.turn()
	return l
}

// close ends what comes again.
func (n *simNet) close() {
	close(n.over)
	n.wg.Wait()
}

// fate is what becomes of a message: what is drawn for it depends on the seed, the link, and how
// many connections and messages there were on it, and on nothing else.
func (n *simNet) fate(c *simConn, message int) (lost, again bool, delay time.Duration, rng *rand.Rand) {
	h := n.seed
	for _, b := range []byte(c.from + ">" + c.to) {
		h = h*1099511628211 + uint64(b)
	}
	rng = rand.New(rand.NewPCG(h, uint64(c.number)<<32|uint64(message)<<1|uint64(c.side)))
	n.mu.Lock()
	calm := n.calm
	n.mu.Unlock()
	delay = n.base + time.Duration(rng.Int64N(int64(n.base)))
	if calm {
		return false, false, delay, rng
	}
	if rng.Float64() < n.slow {
		delay += time.Duration(rng.Int64N(int64(200 * time.Millisecond)))
	}
	return rng.Float64() < n.lose, rng.Float64() < n.again, delay, rng
}

// simLayer is a StreamLayer of a simNet.
type simLayer struct {
	net    *simNet
	id     string
	addr   memberAddr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *simLayer) Addr() net.Addr { return l.addr }

func (l *simLayer) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *simLayer) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Dial connects once bytes flow in both directions.
func (l *simLayer) Dial(addr string, timeout time.Duration) (net.Conn, error) {
	if timeout <= 0 { // raft's for "no bound"
		timeout = time.Minute
	}
	end := time.NewTimer(timeout)
	defer end.Stop()
	n := l.net
	for {
		n.mu.Lock()
		to, changed := n.layers[addr], n.changed
		flows := to != nil && n.blocked[[2]string{l.id, to.id}] == 0 && n.blocked[[2]string{to.id, l.id}] == 0
		n.mu.Unlock()
		if to == nil {
			return nil, fmt.Errorf("nobody listens on %s", addr)
		}
		if flows {
			ours, theirs := n.connect(l.id, to.id)
			select {
			case to.conns <- theirs:
				return ours, nil
			case <-to.closed:
				return nil, errors.Join(syscall.ECONNREFUSED, ours.Close(), theirs.Close())
			case <-l.closed:
				return nil, errors.Join(net.ErrClosed, ours.Close(), theirs.Close())
			case <-end.C:
				return nil, errors.Join(os.ErrDeadlineExceeded, ours.Close(), theirs.Close())
			}
		}
		select {
		case <-changed:
		case <-l.closed:
			return nil, net.ErrClosed
		case <-end.C:
			return nil, os.ErrDeadlineExceeded
		}
	}
}

func (n *simNet) connect(from, to string) (ours, theirs *simConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials[[2]string{from, to}]++
	number := n.dials[[2]string{from, to}]
	there, back := newHalf(), newHalf()
	ours = &simConn{net: n, from: from, to: to, number: number, out: there, in: back}
	theirs = &simConn{net: n, from: to, to: from, number: number, side: 1, out: back, in: there}
	n.conns[ours], n.conns[theirs] = true, true
	return ours, theirs
}

// half is one direction of a connection.
type half struct {
	mu     sync.Mutex
	parts  []simPart
	last   time.Time // when the last part comes
	ended  bool      // nothing is written any more
	broken bool      // reading fails
	silent bool      // nothing comes any more, and nobody says so
	cut    bool      // a message broke off: what is written after it does not come
	wake   chan struct{}
}

type simPart struct {
	at time.Time
	b  []byte
}

func newHalf() *half { return &half{wake: make(chan struct{})} }

// change changes what a reader may wait for.
func (h *half) change(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
	close(h.wake)
	h.wake = make(chan struct{})
}

// simConn is one end of a connection.
type simConn struct {
	net      *simNet
	from, to string
	number   int
	side     int // 1: it was accepted
	out, in  *half

	mu       sync.Mutex
	messages int    // written
	hello    []byte // the first of them
	deadline time.Time
	closed   bool
}

func (c *simConn) reset() {
	c.out.change(func() { c.out.broken = true })
	c.in.change(func() { c.in.broken = true })
}

func (c *simConn) silence() {
	c.out.change(func() { c.out.silent = true })
	c.in.change(func() { c.in.silent = true })
}

// Read implements net.Conn.
func (c *simConn) Read(b []byte) (int, error) {
	for {
		flows, changed := c.net.look(c.to, c.from)
		c.mu.Lock()
		deadline, closed := c.deadline, c.closed
		c.mu.Unlock()
		h := c.in
		h.mu.Lock()
		now, wait := time.Now(), time.Duration(-1)
		wake := h.wake
		var n int
		var err error
		switch {
		case closed:
			err = net.ErrClosed
		case h.broken:
			err = syscall.ECONNRESET
		case !deadline.IsZero() && !now.Before(deadline):
			err = os.ErrDeadlineExceeded
		case h.silent || !flows:
		case len(h.parts) > 0 && !h.parts[0].at.After(now):
			n = copy(b, h.parts[0].b)
			if h.parts[0].b = h.parts[0].b[n:]; len(h.parts[0].b) == 0 {
				h.parts = h.parts[1:]
			}
		case len(h.parts) > 0:
			wait = h.parts[0].at.Sub(now)
		case h.ended:
			err = io.EOF
		}
		h.mu.Unlock()
		if n > 0 || err != nil {
			return n, err
		}
		if !deadline.IsZero() && (wait < 0 || deadline.Sub(now) < wait) {
			wait = deadline.Sub(now)
		}
		var timer <-chan time.Time
		if wait >= 0 {
			t := time.NewTimer(wait)
			defer t.Stop()
			timer = t.C
		}
		select {
		case <-timer:
		case <-wake:
		case <-changed:
		}
	}
}

// Write implements net.Conn. What raft and the handshake write at a time is a message.
func (c *simConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	message, closed := c.messages, c.closed
	c.messages++
	if message == 0 {
		c.hello = append([]byte{}, b...)
	}
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	lost, again, delay, rng := c.net.fate(c, message)
	broken := false
	c.out.change(func() {
		h := c.out
		if broken = h.broken || h.ended; broken || h.cut {
			return
		}
		h.cut = lost
		at := time.Now().Add(delay)
		if at.Before(h.last) {
			at = h.last
		}
		h.last = at
		part := b
		if lost {
			part = b[:rng.IntN(len(b))]
		}
		h.parts = append(h.parts, simPart{at, append([]byte{}, part...)})
	})
	if broken {
		return 0, syscall.EPIPE
	}
	if lost {
		c.net.wg.Go(func() {
			if c.net.pause(delay) {
				c.reset()
			}
		})
		return len(b), nil
	}
	const installSnapshot = 2 // raft's number of it: the stream follows
	if again && message > 0 && c.side == 0 && b[0] != installSnapshot {
		late := time.Duration(rng.Int64N(int64(2 * time.Second)))
		copied := append([]byte{}, b...)
		c.net.wg.Go(func() { c.net.repeat(c, copied, late) })
	}
	return len(b), nil
}

// pause returns false when the network ends meanwhile.
func (n *simNet) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-n.over:
		return false
	}
}

// repeat sends a message of a connection once more, on another one.
func (n *simNet) repeat(c *simConn, message []byte, late time.Duration) {
	if !n.pause(late) {
		return
	}
	n.mu.Lock()
	var to *simLayer
	for _, l := range n.layers {
		if l.id == c.to {
			to = l
		}
	}
	flows := n.blocked[[2]string{c.from, c.to}] == 0
	n.mu.Unlock()
	if to == nil || !flows {
		return
	}
	ours, theirs := n.connect(c.from, c.to)
	ours.messages = 1 // no hello of its own
	defer func() { _ = ours.Close() }()
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case to.conns <- theirs:
	case <-to.closed:
		_ = theirs.Close()
		return
	case <-n.over:
		_ = theirs.Close()
		return
	case <-t.C:
		_ = theirs.Close()
		return
	}
	_ = ours.SetDeadline(time.Now().Add(time.Second))
	c.mu.Lock()
	hello := c.hello
	c.mu.Unlock()
	ours.out.change(func() {
		ours.out.parts = append(ours.out.parts, simPart{time.Now(), append(append([]byte{}, hello...), message...)})
	})
	var answer [4096]byte
	for { // nobody waits for what is answered
		if _, err := ours.Read(answer[:]); err != nil {
			return
		}
	}
}

// Close implements net.Conn.
func (c *simConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.out.change(func() { c.out.ended = true })
	c.in.change(func() {})
	c.net.mu.Lock()
	delete(c.net.conns, c)
	c.net.mu.Unlock()
	return nil
}

func (c *simConn) LocalAddr() net.Addr  { return memberAddr(c.from) }
func (c *simConn) RemoteAddr() net.Addr { return memberAddr(c.to) }

// SetDeadline implements net.Conn. Writes never wait.
func (c *simConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.Conn.
func (c *simConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	c.in.change(func() {})
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *simConn) SetWriteDeadline(time.Time) error { return nil }
