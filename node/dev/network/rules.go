package network

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Fault is what happens to packets from one host to another. The zero Fault is none.
type Fault struct {
	Cut   bool          // nothing passes
	Loss  float64       // the share of packets that are lost, 0 to 1
	Delay time.Duration // of every packet
}

// direction is a pair of hosts.
type direction struct{ from, to int }

// rules are the faults by direction. All methods are safe for concurrent use.
type rules struct {
	mu     sync.Mutex
	faults map[direction]Fault
	rng    *rand.Rand
}

func newRules(seed uint64) *rules {
	return &rules{faults: map[direction]Fault{}, rng: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // faults are to be repeatable
}

func (r *rules) set(d direction, f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f == (Fault{}) {
		delete(r.faults, d)
		return
	}
	r.faults[d] = f
}

func (r *rules) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.faults)
}

// pass decides about one packet.
func (r *rules) pass(d direction) (delay time.Duration, passes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.faults[d]
	return f.Delay, !f.Cut && (f.Loss == 0 || r.rng.Float64() >= f.Loss)
}
