package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// What members of an attempt send each other.
const (
	parcelDealing = "dealing" // a key ceremony's dealing and pair seed
	parcelDigests = "digests" // of a batch of accumulators, to every other member
	parcelShares  = "shares"  // d_i of a batch, to the root alone
	parcelSlots   = "slots"   // opened shares of a known vector, to the root of a key test
)

// maxHeld bounds what waits to be picked up, in bytes.
const maxHeld = 1 << 30

// errHeldTooMuch is returned when parcels that nobody picks up fill the memory.
var errHeldTooMuch = errors.New("too many parcels wait to be picked up")

// parcel names one message of one attempt: what, which batch, from whom.
type parcel struct {
	session string
	kind    string
	batch   int
	from    string
}

// exchange keeps what other members sent until the work that needs it gets
// there, and lets that work wait for it. A parcel stays until its session is
// dropped, so that an attempt run again within the same attempt finds it.
type exchange struct {
	mu      sync.Mutex
	held    map[parcel]heldParcel
	size    int
	era     int           // counts looks at the state
	arrived chan struct{} // closed and replaced at every arrival
}

type heldParcel struct {
	content []byte
	era     int // in which it arrived
}

func newExchange() *exchange {
	return &exchange{held: map[parcel]heldParcel{}, arrived: make(chan struct{})}
}

// put keeps a parcel. A second one of the same name replaces the first: members
// answer the same question with the same bytes.
func (x *exchange) put(p parcel, b []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	size := x.size - len(x.held[p].content) + len(b)
	if size > maxHeld {
		return fmt.Errorf("%w: %d bytes", errHeldTooMuch, x.size)
	}
	x.held[p], x.size = heldParcel{b, x.era}, size
	close(x.arrived)
	x.arrived = make(chan struct{})
	return nil
}

// wait returns the parcel when it is there.
func (x *exchange) wait(ctx context.Context, p parcel) ([]byte, error) {
	for {
		x.mu.Lock()
		h, ok := x.held[p]
		arrived := x.arrived
		x.mu.Unlock()
		if ok {
			return h.content, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the %s of %s (batch %d) from %s: %w", p.kind, p.session, p.batch, p.from, ctx.Err())
		case <-arrived:
		}
	}
}

// release drops a parcel that was used for good.
func (x *exchange) release(p parcel) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.size -= len(x.held[p].content)
	delete(x.held, p)
}

// begin starts a new era. Call it before reading the state that decides what to
// keep.
func (x *exchange) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.era++
}

// keep drops every session that running does not name. It spares what arrived
// since begin: it may belong to an attempt that the state read since then does
// not have yet.
func (x *exchange) keep(running func(session string) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for p, h := range x.held {
		if h.era < x.era && !running(p.session) {
			x.size -= len(h.content)
			delete(x.held, p)
		}
	}
}
