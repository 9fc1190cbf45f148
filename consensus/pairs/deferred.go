package pairs

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	iradix "github.com/hashicorp/go-immutable-radix"

	"github.com/weirdata/weir/consensus/damage"
)

const (
	// deferFor is how long a write may be in memory alone. Each sync of the state competes with those of raft's log,
	// for which proposals wait; etcd commits its state as seldom.
	deferFor = 100 * time.Millisecond
	// deferBytes bounds what is in memory alone; who would go beyond it waits.
	deferBytes = 8 << 20
)

// Deferred is a store whose writes are in memory at first, and a little later in the store below it: several of
// them in one transaction, in their order. So what is durable is always what the first n writes made, for some n, and what
// is written has to be known from elsewhere until Sync returns. Readers see every write that has returned.
type Deferred struct {
	Store

	mu sync.Mutex
	// below has what the last transaction of the store made; guarded by mu, nil once closed. A reader that is opened while a
	// transaction is being written waits for it, in badger: this one is opened between them.
	below   *shared
	moved   sync.Cond       // on mu: the store below has got writes, or there was an error
	pending *iradix.Tree    // key → deferred, of what is not known to be in the store; guarded by mu, never changed in place
	queue   []deferredWrite // guarded by mu
	bytes   int             // of queue; guarded by mu
	written uint64          // number of the last write; guarded by mu
	durable uint64          // number of the last one in the store; guarded by mu
	urgent  bool            // somebody waits for the store; guarded by mu
	err     error           // of the store, for good; guarded by mu

	hurry chan struct{} // has room for one
	stop  chan struct{}
	once  sync.Once // closes stop
	ended chan struct{}
	count *atomic.Uint64 // transactions of the store below, each with an fsync
}

// deferred is what a key has after a write.
type deferred struct {
	Change
	number uint64
}

type deferredWrite struct {
	changes []Change
	bytes   int
}

// NewDeferred defers what is written to a store, which nobody else writes, and counts the transactions that it makes of it.
// Close or Drop ends it.
func NewDeferred(store Store, count *atomic.Uint64) *Deferred {
	s := &Deferred{Store: store, pending: iradix.New(), hurry: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}), count: count}
	s.moved.L, s.below = &s.mu, share(store.Read())
	go s.run()
	return s
}

// Write implements Store, but for durability: see Sync. It waits while too much is in memory alone.
func (s *Deferred) Write(changes iter.Seq[Change]) error {
	w := deferredWrite{changes: slices.Collect(changes)}
	for _, c := range w.changes {
		w.bytes += len(c.Key) + len(c.Value) + PerChange
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && s.bytes > 0 && s.bytes+w.bytes > deferBytes {
		s.urgent = true
		s.wake()
		s.moved.Wait()
	}
	if s.err != nil {
		return s.err
	}
	s.written++
	next := s.pending.Txn()
	for _, c := range w.changes {
		next.Insert([]byte(c.Key), deferred{c, s.written})
	}
	s.pending, s.queue, s.bytes = next.Commit(), append(s.queue, w), s.bytes+w.bytes
	if len(s.queue) == 1 {
		s.wake()
	}
	return nil
}

// wake tells run that there is something to do.
func (s *Deferred) wake() {
	select {
	case s.hurry <- struct{}{}:
	default:
	}
}

// Sync returns when every write that has returned is durable.
func (s *Deferred) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for all := s.written; s.err == nil && s.durable < all; s.moved.Wait() {
		s.urgent = true
		s.wake()
	}
	return s.err
}

// run moves writes to the store until Close or Drop.
func (s *Deferred) run() {
	defer close(s.ended)
	for {
		select {
		case <-s.stop:
			return
		case <-s.hurry:
		}
		if !s.rest() {
			return
		}
		for s.move() {
		}
	}
}

// rest waits for more writes, unless somebody waits for the store, and reports whether run is to go on.
func (s *Deferred) rest() bool {
	t := time.NewTimer(deferFor)
	defer t.Stop()
	for {
		s.mu.Lock()
		urgent := s.urgent
		s.mu.Unlock()
		if urgent {
			return true
		}
		select {
		case <-s.stop:
			return false
		case <-t.C:
			return true
		case <-s.hurry:
		}
	}
}

// move makes a transaction of the first writes, as many as fit one, and reports whether there are more.
func (s *Deferred) move() (more bool) {
	s.mu.Lock()
	changes, writes, size := s.first()
	err := s.err
	s.mu.Unlock()
	if writes == 0 || err != nil {
		return false
	}
	err = damage.Guard(damage.State, func() error { return s.Store.Write(maps.Values(changes)) })
	s.count.Add(1)
	var below *shared
	if err == nil {
		below = share(s.Store.Read())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.moved.Broadcast()
	if err != nil {
		s.err = err
		return false
	}
	s.below.release()
	s.below = below
	s.queue, s.bytes, s.durable = slices.Clone(s.queue[writes:]), s.bytes-size, s.durable+uint64(writes)
	next := s.pending.Txn()
	for key := range changes {
		if v, there := next.Get([]byte(key)); there && v.(deferred).number <= s.durable {
			next.Delete([]byte(key))
		}
	}
	s.pending = next.Commit()
	if len(s.queue) == 0 {
		s.urgent = false
	}
	return len(s.queue) > 0
}

// first is what the first writes together change, how many they are and their bytes. mu is held.
func (s *Deferred) first() (changes map[string]Change, writes, size int) {
	mostKeys, mostBytes := s.Room()
	changes = map[string]Change{}
	keys := 0
	for _, w := range s.queue {
		keys += len(w.changes)
		if writes > 0 && (int64(keys) >= mostKeys || int64(size+w.bytes) >= mostBytes) {
			break
		}
		for _, c := range w.changes {
			changes[c.Key] = c
		}
		writes, size = writes+1, size+w.bytes
	}
	return changes, writes, size
}

// Read implements Store.
func (s *Deferred) Read() Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.below.users++
	return &deferredReader{of: s, below: s.below, pending: s.pending}
}

// Close implements Store: all writes are durable when it returns nil.
func (s *Deferred) Close() error {
	s.end()
	for s.move() {
	}
	s.forget()
	return errors.Join(s.err, s.Store.Close())
}

// Drop ends it without the writes that are not in the store, which stays open: nobody needs what the store has any more.
func (s *Deferred) Drop() Store {
	s.end()
	s.forget()
	return s.Store
}

// forget closes what is held of the store.
func (s *Deferred) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.below != nil {
		s.below.release()
		s.below = nil
	}
}

func (s *Deferred) end() {
	s.once.Do(func() { close(s.stop) })
	<-s.ended
}

// deferredReader reads what is pending, and the store below where nothing is.
type deferredReader struct {
	of      *Deferred
	below   *shared
	pending *iradix.Tree
}

// Get implements Reader.
func (r *deferredReader) Get(key []byte) ([]byte, error) {
	if v, there := r.pending.Get(key); there {
		return v.(deferred).After(), nil
	}
	return r.below.Get(key)
}

// Walk implements Reader.
func (r *deferredReader) Walk(prefix, after []byte, down bool, fn func(key, value []byte) error) error {
	over := r.within(prefix, after, down)
	if len(over) == 0 {
		return r.below.Walk(prefix, after, down, fn)
	}
	put := func(c Change) error {
		if c.Deleted {
			return nil
		}
		return fn([]byte(c.Key), c.Value)
	}
	err := r.below.Walk(prefix, after, down, func(key, value []byte) error {
		for len(over) > 0 {
			order := bytes.Compare([]byte(over[0].Key), key)
			if down {
				order = -order
			}
			if order > 0 {
				break
			}
			c := over[0]
			over = over[1:]
			if err := put(c); err != nil || order == 0 {
				return err
			}
		}
		return fn(key, value)
	})
	for ; err == nil && len(over) > 0; over = over[1:] {
		err = put(over[0])
	}
	return err
}

// within is what is pending of a walk, in its order.
func (r *deferredReader) within(prefix, after []byte, down bool) (list []Change) {
	start := string(prefix) + string(after)
	r.pending.Root().WalkPrefix(prefix, func(_ []byte, v any) bool {
		c := v.(deferred).Change
		if len(after) == 0 || !down && c.Key > start || down && c.Key < start {
			list = append(list, c)
		}
		return false
	})
	if down {
		slices.Reverse(list)
	}
	return list
}

// Close implements Reader.
func (r *deferredReader) Close() {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	r.below.release()
}
