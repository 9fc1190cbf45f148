package consensus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inFakeTime runs a test in a bubble of package synctest: time passes when all of its
// goroutines wait, so that elections cost nothing, and a machine that stands still costs no
// leader its lease. What it uses waits on nothing but channels, timers and the disk: see
// memoryNet. Not for tests in which somebody is always busy, or badger fails to open a
// directory, which leaves goroutines.
func inFakeTime(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// memoryNet connects members in memory.
type memoryNet struct {
	mu     sync.Mutex
	next   int
	layers map[string]*memoryLayer
}

func newMemoryNet() *memoryNet { return &memoryNet{layers: map[string]*memoryLayer{}} }

func (n *memoryNet) listen(addr string) StreamLayer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr == "" {
		n.next++
		addr = fmt.Sprintf("host%d:1", n.next)
	}
	l := &memoryLayer{net: n, addr: memberAddr(addr), conns: make(chan net.Conn), closed: make(chan struct{})}
	n.layers[addr] = l
	return l
}

// memoryLayer is a StreamLayer of a memoryNet.
type memoryLayer struct {
	net    *memoryNet
	addr   memberAddr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *memoryLayer) Addr() net.Addr { return l.addr }

func (l *memoryLayer) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryLayer) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryLayer) Dial(addr string, timeout time.Duration) (net.Conn, error) {
	l.net.mu.Lock()
	to := l.net.layers[addr]
	l.net.mu.Unlock()
	if to == nil {
		return nil, fmt.Errorf("nobody listens on %s", addr)
	}
	ours, theirs := net.Pipe()
	if timeout <= 0 { // raft's for "no bound"
		timeout = time.Minute
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case to.conns <- theirs:
		return ours, nil
	case <-to.closed:
	case <-l.closed:
	case <-t.C:
	}
	return nil, errors.Join(fmt.Errorf("%s does not accept", addr), ours.Close(), theirs.Close())
}

// tcpLayer is a StreamLayer over loopback.
type tcpLayer struct{ net.Listener }

func (tcpLayer) Dial(address string, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout("tcp", address, timeout)
}

// tcp returns what listens on loopback. Where no address is given the port is one that nobody
// gets for a connection or by listening on port 0: a member that is stopped must find its own
// free when it comes back.
func tcp(tb testing.TB) func(addr string) StreamLayer {
	return func(addr string) StreamLayer {
		tb.Helper()
		var lc net.ListenConfig
		var err error
		for range 64 {
			at := addr
			if at == "" {
				at = fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
			}
			var l net.Listener
			if l, err = lc.Listen(context.WithoutCancel(tb.Context()), "tcp", at); err == nil {
				return tcpLayer{l}
			}
		}
		tb.Fatalf("listening: %v", err)
		return nil
	}
}
