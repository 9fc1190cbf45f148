package node

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/mpc"
)

// What a principal's acts may take of the ledger through one node. Every entry is kept for
// ever, on every node, and most acts cost their signer nothing; what is refused costs
// nobody anything but the disks. Acts are counted in units, which come back with time.
const (
	// DefaultActBurst is the units that may be used at once: a registry of 160 MB, 10,000
	// small acts, or 500 that are refused.
	DefaultActBurst = 10_000
	// actEvery is how long a unit takes to come back: 7,200 an hour. A principal that asks
	// to be refused all day grows the ledger by 8,640 entries through each node, some 15 MB.
	actEvery = 500 * time.Millisecond
	// actBytes of an envelope cost one unit more.
	actBytes = 16 << 10
	// refusedUnits is what a refused act costs in all. It is an entry as any other, which
	// auditors want to see; many of them are a mistake, or an attack.
	refusedUnits = 20
)

// rateLimiter counts what principals have used of the ledger lately. It is kept in memory, of
// admitted principals alone: whoever cannot sign is not counted, and uses up nobody's.
//
// Not golang.org/x/time/rate: acts that turn out refused go over the burst, and a clock that was
// set back must not keep a principal waiting until it is where it was.
type rateLimiter struct {
	burst int64

	mu   sync.Mutex
	used map[string]usage // by principal, guarded by mu
}

// usage is the units that were used and had not come back at some time.
type usage struct {
	units int64
	at    time.Time
}

func newRateLimiter(burst int) *rateLimiter {
	return &rateLimiter{burst: int64(burst), used: map[string]usage{}}
}

// unitsOf is what an envelope costs that is accepted.
func unitsOf(e catalog.Envelope) int64 { return 1 + int64(len(e.Payload)/actBytes) }

// take has an envelope paid by its signer, or tells it when to come back: the error is an
// *api.BusyError. Nodes act on what the ledger asks of them, and are not counted.
func (a *rateLimiter) take(e catalog.Envelope, now time.Time) error {
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
			Message: fmt.Sprintf("you have had more recorded through this node than an hour allows (%d acts at once, %d of them if they are refused; one every %s)", a.burst, a.burst/refusedUnits, actEvery),
			Wait:    time.Duration(over) * actEvery,
		}
	}
	a.used[e.Signer] = usage{u.units + cost, u.at}
	return nil
}

// refused adds what an act costs more that turned out refused.
func (a *rateLimiter) refused(e catalog.Envelope, now time.Time) {
	if isNode(e.Signer) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.usedAt(e.Signer, now)
	a.used[e.Signer] = usage{u.units + refusedUnits - 1, u.at}
}

// usedAt lets come back what time has brought. mu is held.
func (a *rateLimiter) usedAt(signer string, now time.Time) usage {
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

func isNode(signer string) bool { return strings.HasPrefix(signer, catalog.NodeSigner("")) }

// maxPending is how many queries may be accepted and not over. mpc.MaxQueries of them are
// opened at a time; the rest wait in the ledger, and every node reads their records at
// every change of the state. With more, each would take longer to be told that it waits
// than to be asked again.
const maxPending = 64

// admitQuery refuses a query for now when too many are pending. A principal may have as
// many pending as there is room left for, so that one alone has half of the room, and each
// of many gets some. What this node's state does not show yet is let pass. The error is an
// *api.BusyError.
func (acc *access) admitQuery(e catalog.Envelope, p catalog.Payload) error {
	if p.Kind != catalog.KindQuerySubmit {
		return nil
	}
	return acc.view(func(v state.View) error {
		_, err := v.Query(catalog.QueryID(e.Digest()))
		if !errors.Is(err, records.ErrNotFound) {
			return err // it is sent again, and has its place
		}
		pending, err := v.PendingQueries()
		if err != nil {
			return err
		}
		return tooManyPending(pending, e.Signer)
	})
}

// tooManyPending refuses a principal's next query for now, as admitQuery says.
func tooManyPending(pending []catalog.Query, principal string) error {
	own := 0
	for _, q := range pending {
		if q.Principal == principal {
			own++
		}
	}
	if own < maxPending-len(pending) {
		return nil
	}
	return &api.BusyError{
		Message: fmt.Sprintf("%d queries are pending, %d of them yours", len(pending), own),
		Wait:    time.Duration(1+len(pending)/mpc.MaxQueries) * time.Second,
	}
}
