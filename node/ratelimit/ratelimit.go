// Package ratelimit bounds what principals have recorded in the ledger through a node.
package ratelimit

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
)

// What a principal's acts may take of the ledger through one node. Every entry is kept for
// ever, on every node, and most acts cost their signer nothing; what is refused costs
// nobody anything but the disks. Acts are counted in units, which come back with time.
const (
	// DefaultBurst is the units that may be used at once: a registry of 160 MB, 10,000
	// small acts, or 500 that are refused.
	DefaultBurst = 10_000
	// actEvery is how long a unit takes to come back: 7,200 an hour. A principal that asks
	// to be refused all day grows the ledger by 8,640 entries through each node, some 15 MB.
	actEvery = 500 * time.Millisecond
	// actBytes of an envelope cost one unit more.
	actBytes = 16 << 10
	// RefusedUnits is what a refused act costs in all. It is an entry as any other, which
	// auditors want to see; many of them are a mistake, or an attack.
	RefusedUnits = 20
)

// Limiter counts what principals have used of the ledger lately. It is kept in memory, of
// admitted principals alone: whoever cannot sign is not counted, and uses up nobody's.
//
// Not golang.org/x/time/rate: acts that turn out refused go over the burst, and a clock that was
// set back must not keep a principal waiting until it is where it was.
type Limiter struct {
	burst int64

	mu   sync.Mutex
	used map[string]usage // by principal, guarded by mu
}

// usage is the units that were used and had not come back at some time.
type usage struct {
	units int64
	at    time.Time
}

// New makes a limiter of so many units at once.
func New(burst int) *Limiter {
	return &Limiter{burst: int64(burst), used: map[string]usage{}}
}

// unitsOf is what an envelope costs that is accepted.
func unitsOf(e catalog.Envelope) int64 { return 1 + int64(len(e.Payload)/actBytes) }

// Take has an envelope paid by its signer, or tells it when to come back: the error is an
// *api.BusyError. Nodes act on what the ledger asks of them, and are not counted.
func (a *Limiter) Take(e catalog.Envelope, now time.Time) error {
	if isNode(e.Signer) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.usedAt(e.Signer, now)
	cost := unitsOf(e)
	if over := u.units + cost - a.burst; over > 0 {
		a.used[e.Signer] = u
		return &api.BusyError{
			Message: fmt.Sprintf("you have had more recorded through this node than an hour allows (%d acts at once, %d of them if they are refused; one every %s)", a.burst, a.burst/RefusedUnits, actEvery),
			Wait:    time.Duration(over) * actEvery,
		}
	}
	a.used[e.Signer] = usage{u.units + cost, u.at}
	return nil
}

// Refused adds what an act costs more that turned out refused.
func (a *Limiter) Refused(e catalog.Envelope, now time.Time) {
	if isNode(e.Signer) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.usedAt(e.Signer, now)
	a.used[e.Signer] = usage{u.units + RefusedUnits - 1, u.at}
}

// usedAt lets come back what time has brought. mu is held.
func (a *Limiter) usedAt(signer string, now time.Time) usage {
	u, known := a.used[signer]
	if !known || now.Before(u.at) { // or the clock was set back
		u.at = now
	}
	back := int64(now.Sub(u.at) / actEvery)
	if back < u.units {
		return usage{u.units - back, u.at.Add(time.Duration(back) * actEvery)}
	}
	delete(a.used, signer)
	return usage{at: now}
}

// isNode reports whether a signer is a node.
func isNode(signer string) bool { return strings.HasPrefix(signer, catalog.NodeSigner("")) }
