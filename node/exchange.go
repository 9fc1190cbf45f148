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
	parcelParity  = "parity"  // a share of the parity of what was opened, to every other member
	parcelStages  = "stages"  // what a computation on shares sends, to the member it is for
	parcelSlots   = "slots"   // opened shares of a known vector, to the root of a key test
)

// parcelLimits are the largest sizes in bytes of what is sent, by kind: nothing
// else is kept.
var parcelLimits = map[string]int64{
	parcelDealing: 512 << 10,      // 197 kB and a seed
	parcelDigests: 32 * batchSize, // SHA-256
	parcelShares:  maxParcel,      // 64 × 197 kB
	parcelParity:  8,              // one number
	parcelStages:  maxParcel,      // of at most productEntries products, or of the bits of a vector
	parcelSlots:   8 * (1 << 13),  // one number a slot
}

const (
	// maxHeld bounds what waits to be picked up, in bytes.
	maxHeld = 1 << 30
	// maxHeldOf bounds what one sender may have waiting. Members keep step, so
	// an honest one has two batches of shares in each of maxQueries queries here
	// at most; one that floods this node must not keep the others out.
	maxHeldOf = 2 * maxQueries * maxParcel
	// parcelOverhead is counted for every parcel beside its content, so that
	// empty ones do not fill the memory for nothing.
	parcelOverhead = 256
)

// errHeldTooMuch is returned when parcels that nobody picks up fill the memory.
var errHeldTooMuch = errors.New("too many parcels wait to be picked up")

// errUsedUp is returned for a parcel that was taken out for good: its sender
// does not send it again.
var errUsedUp = errors.New("was used up already")

// parcel names one message of one attempt: what, which batch, from whom.
type parcel struct {
	session string
	kind    string
	batch   int
	from    string
}

// exchange keeps what other members sent until the work that needs it gets
// there, and lets that work wait for it. A parcel stays until its session is
// dropped, so that an attempt run again within the same attempt finds it; of
// one that was released only the mark stays that it was there.
type exchange struct {
	mu      sync.Mutex
	held    map[parcel]heldParcel
	size    int
	sizeOf  map[string]int // by sender
	era     int            // counts looks at the state
	arrived chan struct{}  // closed and replaced at every arrival
}

type heldParcel struct {
	content []byte
	era     int  // in which it arrived
	used    bool // released: there is no content any more
}

func newExchange() *exchange {
	return &exchange{held: map[parcel]heldParcel{}, sizeOf: map[string]int{}, arrived: make(chan struct{})}
}

// put keeps a parcel. A second one of the same name replaces the first, since
// members answer the same question with the same bytes; one that was used is
// passed over, since its sender only repeats itself after a failure.
func (x *exchange) put(p parcel, b []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, known := x.held[p]
	if old.used {
		return nil
	}
	grown := len(b) - len(old.content)
	if !known {
		grown += parcelOverhead
	}
	if x.size+grown > maxHeld || x.sizeOf[p.from]+grown > maxHeldOf {
		return fmt.Errorf("%w: %d bytes, %d of them from %s", errHeldTooMuch, x.size, x.sizeOf[p.from], p.from)
	}
	x.held[p] = heldParcel{content: b, era: x.era}
	x.count(p.from, grown)
	close(x.arrived)
	x.arrived = make(chan struct{})
	return nil
}

// count adds to what is held. mu is held.
func (x *exchange) count(from string, bytes int) {
	x.size += bytes
	if x.sizeOf[from] += bytes; x.sizeOf[from] == 0 {
		delete(x.sizeOf, from)
	}
}

// wait returns the parcel when it is there.
func (x *exchange) wait(ctx context.Context, p parcel) ([]byte, error) {
	for {
		x.mu.Lock()
		h, ok := x.held[p]
		arrived := x.arrived
		x.mu.Unlock()
		switch {
		case h.used:
			return nil, fmt.Errorf("the %s of %s (batch %d) from %s %w", p.kind, p.session, p.batch, p.from, errUsedUp)
		case ok:
			return h.content, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the %s of %s (batch %d) from %s: %w", p.kind, p.session, p.batch, p.from, ctx.Err())
		case <-arrived:
		}
	}
}

// release gives up the content of a parcel that was used for good.
func (x *exchange) release(p parcel) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h, ok := x.held[p]
	if !ok {
		return
	}
	x.count(p.from, -len(h.content))
	x.held[p] = heldParcel{era: h.era, used: true}
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
			x.count(p.from, -len(h.content)-parcelOverhead)
			delete(x.held, p)
		}
	}
}
