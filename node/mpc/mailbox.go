package mpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// What members of an attempt send each other.
const (
	KindDealing = "dealing" // a key ceremony's dealing and pair seed
	KindDigests = "digests" // of a batch of accumulators, to every other member
	KindShares  = "shares"  // d_i of a batch, to the root alone
	KindParity  = "parity"  // a share of the parity of what was opened, to every other member
	KindNonce   = "nonce"   // of the challenge of a query's test, to every other member
	KindStages  = "stages"  // what a computation on shares sends, to the member it is for
	KindSlots   = "slots"   // opened shares of a known vector, to the root of a key test
	KindMoved   = "moved"   // what a dealer of a move of vectors deals, to every other member
)

// limits are the largest sizes in bytes of what is sent, by kind: nothing
// else is kept.
var limits = map[string]int64{
	KindDealing: 512 << 10,      // 197 kB and a seed
	KindDigests: 32 * batchSize, // SHA-256
	KindShares:  MaxMessage,     // 64 × 197 kB
	KindParity:  8,              // one number
	KindNonce:   nonceBytes,
	KindStages:  MaxMessage,    // of at most productEntries products, or of the bits of a vector
	KindSlots:   8 * (1 << 13), // one number a slot
	KindMoved:   MaxMessage,    // of resharing.MaxEntries at most, 58 bits each
}

const (
	// MaxMessage bounds one message in bytes: the contributions of one batch are 64 × 197 kB.
	MaxMessage = 16 << 20
	// MaxBatches bounds the batch numbers of one attempt: 2^17 tiles opened one by one,
	// or the messages of all its computations on shares.
	MaxBatches = 1 << 15
	// MaxQueries bounds the queries that a node opens at the same time. Each holds
	// up to 64 accumulators and as many contributions of every other member, some
	// 40 MB.
	MaxQueries = 8
	// maxHeld bounds what waits to be picked up, in bytes.
	maxHeld = 1 << 30
	// maxHeldOf bounds what one sender may have waiting. Members keep step, so
	// an honest one has two batches of shares in each of MaxQueries queries here
	// at most; one that floods this node must not keep the others out.
	maxHeldOf = 2 * MaxQueries * MaxMessage
	// overhead is counted for every message beside its content, so that
	// empty ones do not fill the memory for nothing.
	overhead = 256
)

// errHeldTooMuch is returned when messages that nobody picks up fill the memory.
var errHeldTooMuch = errors.New("too many messages wait to be picked up")

// errUsedUp is returned for a message that was taken out for good: its sender
// does not send it again.
var errUsedUp = errors.New("was used up already")

// Message names one message of one attempt: what, which batch, from whom.
type Message struct {
	Session string
	Kind    string
	Batch   int
	From    string
}

// Mailbox keeps what other members sent until the work that needs it gets
// there, and lets that work wait for it. A message stays until its session is
// dropped, so that an attempt run again within the same attempt finds it; of
// one that was released only the mark stays that it was there.
type Mailbox struct {
	mu      sync.Mutex
	held    map[Message]heldMessage
	size    int
	sizeOf  map[string]int // by sender
	era     int            // counts looks at the state
	arrived chan struct{}  // closed and replaced at every arrival
}

type heldMessage struct {
	content []byte
	era     int  // in which it arrived
	used    bool // released: there is no content any more
}

// NewMailbox returns an empty one.
func NewMailbox() *Mailbox {
	return &Mailbox{held: map[Message]heldMessage{}, sizeOf: map[string]int{}, arrived: make(chan struct{})}
}

// Put keeps a message. A second one of the same name replaces the first, since
// members answer the same question with the same bytes; one that was used is
// passed over, since its sender only repeats itself after a failure.
func (x *Mailbox) Put(p Message, b []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, known := x.held[p]
	if old.used {
		return nil
	}
	grown := len(b) - len(old.content)
	if !known {
		grown += overhead
	}
	if x.size+grown > maxHeld || x.sizeOf[p.From]+grown > maxHeldOf {
		return fmt.Errorf("%w: %d bytes, %d of them from %s", errHeldTooMuch, x.size, x.sizeOf[p.From], p.From)
	}
	x.held[p] = heldMessage{content: b, era: x.era}
	x.count(p.From, grown)
	close(x.arrived)
	x.arrived = make(chan struct{})
	return nil
}

// count adds to what is held. mu is held.
func (x *Mailbox) count(from string, bytes int) {
	x.size += bytes
	if x.sizeOf[from] += bytes; x.sizeOf[from] == 0 {
		delete(x.sizeOf, from)
	}
}

// Wait returns the content when it is there.
func (x *Mailbox) Wait(ctx context.Context, p Message) ([]byte, error) {
	for {
		x.mu.Lock()
		h, ok := x.held[p]
		arrived := x.arrived
		x.mu.Unlock()
		switch {
		case h.used:
			return nil, fmt.Errorf("the %s of %s (batch %d) from %s %w", p.Kind, p.Session, p.Batch, p.From, errUsedUp)
		case ok:
			return h.content, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the %s of %s (batch %d) from %s: %w", p.Kind, p.Session, p.Batch, p.From, ctx.Err())
		case <-arrived:
		}
	}
}

// Release gives up the content of a message that was used for good.
func (x *Mailbox) Release(p Message) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h, ok := x.held[p]
	if !ok {
		return
	}
	x.count(p.From, -len(h.content))
	x.held[p] = heldMessage{era: h.era, used: true}
}

// Begin starts a new era. Call it before reading the state that decides what to
// keep.
func (x *Mailbox) Begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.era++
}

// Keep drops every session that running does not name. It spares what arrived
// since begin: it may belong to an attempt that the state read since then does
// not have yet.
func (x *Mailbox) Keep(running func(session string) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for p, h := range x.held {
		if h.era < x.era && !running(p.Session) {
			x.count(p.From, -len(h.content)-overhead)
			delete(x.held, p)
		}
	}
}

// Held is how many bytes of a sender are held.
func (x *Mailbox) Held(from string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.sizeOf[from]
}

// Limit is the largest size in bytes of a kind of message; false: there is no such kind.
func Limit(kind string) (most int64, known bool) {
	most, known = limits[kind]
	return most, known
}
