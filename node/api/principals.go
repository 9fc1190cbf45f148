package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
)

// errNoPrincipal is returned when a token names nobody.
var errNoPrincipal = errors.New("no such principal")

// principalLife is how long a principal's record is used without asking the
// ledger again: an upload of thousands of tiles then costs one read, and a
// change of the record counts everywhere within seconds.
const principalLife = 10 * time.Second

// maxPrincipals bounds the memory; beyond it everything is forgotten, which
// costs reads and nothing else.
const maxPrincipals = 4096

// directory finds principals, and remembers them for principalLife. It never
// remembers that there was none, so that a principal who has just been admitted
// is not turned away.
type directory struct {
	backend Backend
	now     func() time.Time

	mu   sync.Mutex
	seen map[string]seenPrincipal // guarded by mu
}

type seenPrincipal struct {
	record catalog.Principal
	until  time.Time
}

// find returns a principal's record. With own, this node's state decides alone: a
// principal that it does not know yet is none, and it needs no quorum.
func (d *directory) find(ctx context.Context, id string, own bool) (catalog.Principal, error) {
	d.mu.Lock()
	known, ok := d.seen[id]
	d.mu.Unlock()
	if ok && d.now().Before(known.until) {
		return known.record, nil
	}
	var record catalog.Principal
	look := func(v state.View) (err error) {
		record, err = v.Principal(id)
		if errors.Is(err, records.ErrNotFound) {
			return errNoPrincipal
		}
		return err
	}
	if own {
		err := d.backend.Look(look)
		return record, err
	}
	if err := d.backend.Read(ctx, look); err != nil {
		return catalog.Principal{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.seen) >= maxPrincipals {
		clear(d.seen)
	}
	d.seen[id] = seenPrincipal{record: record, until: d.now().Add(principalLife)}
	return record, nil
}
