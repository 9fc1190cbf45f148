package api

import (
	"net"
	"sync"
)

// Bounds of connections. A connection that says nothing costs its client nothing and the
// node a descriptor and some 50 kB for up to two minutes; descriptors are shared with the
// node's own connections and files.
const (
	// MaxConns is how many connections of clients a node has open in all.
	MaxConns = 4096
	// MaxConnsEach is how many of one address (in IPv6, of one network of 64 bits). An
	// office of many behind one address has to get by with it.
	MaxConnsEach = 1024
)

// LimitConns returns a listener that has at most so many connections open, in all and of
// one address. A further one is closed at once, before anything is read.
func LimitConns(l net.Listener, all, each int) net.Listener {
	return &limitedListener{Listener: l, all: all, each: each, of: map[string]int{}}
}

type limitedListener struct {
	net.Listener
	all, each int

	mu   sync.Mutex
	open int            // guarded by mu
	of   map[string]int // open connections by address, guarded by mu; values ≥ 1
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := remoteNet(c.RemoteAddr().String())
		if l.enter(from) {
			return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close() // nothing was said on it
	}
}

func (l *limitedListener) enter(from string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.all || l.of[from] >= l.each {
		return false
	}
	l.open++
	l.of[from]++
	return true
}

func (l *limitedListener) leave(from string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.of[from]--; l.of[from] == 0 {
		delete(l.of, from)
	}
}

type limitedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
