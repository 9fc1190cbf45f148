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
	return &limitedListener{Listener: l, all: newLimiter(all, 0), each: newLimiter(each, 0)}
}

type limitedListener struct {
	net.Listener
	all  *limiter // of one caller: everybody
	each *limiter // by address
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if leave, err := l.enter(remoteNet(c.RemoteAddr().String())); err == nil {
			return &limitedConn{Conn: c, leave: sync.OnceFunc(leave)}, nil
		}
		_ = c.Close() // nothing was said on it
	}
}

func (l *limitedListener) enter(from string) (leave func(), err error) {
	leaveAll, err := l.all.enter("", 0)
	if err != nil {
		return nil, err
	}
	leaveEach, err := l.each.enter(from, 0)
	if err != nil {
		leaveAll()
		return nil, err
	}
	return func() { leaveEach(); leaveAll() }, nil
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
