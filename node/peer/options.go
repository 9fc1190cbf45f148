package peer

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"time"
)

// Defaults of Options. Each says what breaks at either end.
const (
	// DefaultHandshakeTimeout bounds dialling, handshake and greeting. A
	// handshake costs a millisecond and a few round trips; shorter fails over
	// bad links, longer lets raft wait for the dead.
	DefaultHandshakeTimeout = 5 * time.Second
	// DefaultMaxHandshakes bounds the strangers listened to at a time. Fewer,
	// and a flood pushes honest nodes out before they are done; more is memory
	// (about 50 kB each) for the flood.
	DefaultMaxHandshakes = 256
	// DefaultStallTimeout is how long a body may make no progress. Shorter
	// fails on a busy disk at the other end, longer holds a connection for a
	// peer that is gone.
	DefaultStallTimeout = 30 * time.Second
	// DefaultMaxConns bounds the connections to one node for requests. Further
	// requests wait for one. It has to exceed the number of requests that may
	// be waiting at the other side for one another.
	DefaultMaxConns = 64
	// DefaultMaxConnsFrom bounds the connections of one node that are open at the
	// port, so that one that goes wrong leaves the others descriptors and memory. It
	// has to exceed DefaultMaxConns and the few streams of raft, twice while old
	// ones are timing out.
	DefaultMaxConnsFrom = 4 * DefaultMaxConns
	// DefaultMaxResponse bounds, in bytes, a response that is read into memory.
	DefaultMaxResponse = 16 << 20
)

// ErrOptions is returned for Options that cannot be meant.
var ErrOptions = errors.New("invalid peer options")

// Options tune the peer port and its clients. The zero value is the defaults.
type Options struct {
	// Advertise is the host:port that Mux.Raft names as its address, the one
	// the roster has for this node. Default: where the port listens.
	Advertise string

	HandshakeTimeout time.Duration
	MaxHandshakes    int
	StallTimeout     time.Duration
	MaxConns         int
	MaxConnsFrom     int
	MaxResponse      int64

	// Refused is told of connections that were not accepted, and why; nil
	// ignores them. It is called from many goroutines and must not block.
	Refused func(remote net.Addr, err error)
	// Tap sees plaintext, for tests. It must be nil in production.
	Tap Tap
}

// validate returns the options with nothing left at zero.
func (o Options) validate() (Options, error) {
	if min(o.HandshakeTimeout, o.StallTimeout) < 0 || min(o.MaxHandshakes, o.MaxConns, o.MaxConnsFrom) < 0 || o.MaxResponse < 0 {
		return o, fmt.Errorf("%w: HandshakeTimeout, StallTimeout, MaxHandshakes, MaxConns, MaxConnsFrom or MaxResponse is negative", ErrOptions)
	}
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, DefaultHandshakeTimeout)
	o.StallTimeout = cmp.Or(o.StallTimeout, DefaultStallTimeout)
	o.MaxHandshakes = cmp.Or(o.MaxHandshakes, DefaultMaxHandshakes)
	o.MaxConns = cmp.Or(o.MaxConns, DefaultMaxConns)
	o.MaxConnsFrom = cmp.Or(o.MaxConnsFrom, DefaultMaxConnsFrom)
	o.MaxResponse = cmp.Or(o.MaxResponse, DefaultMaxResponse)
	if o.Refused == nil {
		o.Refused = func(net.Addr, error) {}
	}
	return o, nil
}

// keepAlive notices a machine that vanished after about 20 seconds.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 8 * time.Second, Interval: 4 * time.Second, Count: 3}
