package peer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrRoster is returned for a list of members that is inconsistent.
var ErrRoster = errors.New("invalid roster")

// Member is a node as its peers know it: its id, its Ed25519 public key, and
// the host:port at which it listens for peers.
type Member struct {
	ID   string
	Key  ed25519.PublicKey
	Addr string
}

// Roster is the set of pinned nodes. It is replaced as a whole (Set); readers
// see the old set or the new one. Its methods are safe for concurrent use.
type Roster struct {
	current atomic.Pointer[memberSet]

	mu       sync.Mutex // serialises Set, and guards watchers
	watchers map[*watcher]struct{}
}

// memberSet is immutable.
type memberSet struct {
	members []Member // ascending ids
	byID    map[string]Member
	byKey   map[string]Member
	byAddr  map[string]Member
}

type watcher struct{ changed func() }

// NewRoster returns a roster of these members. Ids, keys and addresses must be
// distinct, or one node could pass for another.
func NewRoster(members []Member) (*Roster, error) {
	r := &Roster{watchers: make(map[*watcher]struct{})}
	if err := r.Set(members); err != nil {
		return nil, err
	}
	return r, nil
}

// Set replaces the members. Connections of nodes that are no longer members, or
// whose key is another now, are closed before it returns. When the members are
// inconsistent it returns ErrRoster and nothing changes.
func (r *Roster) Set(members []Member) error {
	set, err := newMemberSet(members)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current.Store(set)
	for w := range r.watchers {
		w.changed()
	}
	return nil
}

// Members returns all members by ascending id.
func (r *Roster) Members() []Member {
	return slices.Clone(r.current.Load().members)
}

// Member returns the member with that id.
func (r *Roster) Member(id string) (Member, bool) {
	m, ok := r.current.Load().byID[id]
	return m, ok
}

// MemberByKey returns the member with that public key.
func (r *Roster) MemberByKey(key ed25519.PublicKey) (Member, bool) {
	m, ok := r.current.Load().byKey[string(key)]
	return m, ok
}

// MemberByAddr returns the member that listens at that address, spelled as in
// the roster.
func (r *Roster) MemberByAddr(addr string) (Member, bool) {
	m, ok := r.current.Load().byAddr[addr]
	return m, ok
}

// pins reports whether id is a member with this very key.
func (r *Roster) pins(id string, key ed25519.PublicKey) bool {
	m, ok := r.Member(id)
	return ok && bytes.Equal(m.Key, key)
}

// watch calls changed after every Set until stop is called. changed must not
// call Set or watch.
func (r *Roster) watch(changed func()) (stop func()) {
	w := &watcher{changed: changed}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[w] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, w)
	}
}

func newMemberSet(members []Member) (*memberSet, error) {
	set := &memberSet{
		byID:   make(map[string]Member, len(members)),
		byKey:  make(map[string]Member, len(members)),
		byAddr: make(map[string]Member, len(members)),
	}
	for _, m := range members {
		if m.ID == "" || m.Addr == "" {
			return nil, fmt.Errorf("%w: a member without id or address (%q at %q)", ErrRoster, m.ID, m.Addr)
		}
		if len(m.Key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%w: the key of %s has %d bytes, want %d", ErrRoster, m.ID, len(m.Key), ed25519.PublicKeySize)
		}
		m.Key = slices.Clone(m.Key)
		if _, ok := set.byID[m.ID]; ok {
			return nil, fmt.Errorf("%w: the id %s occurs twice", ErrRoster, m.ID)
		}
		if other, ok := set.byKey[string(m.Key)]; ok {
			return nil, fmt.Errorf("%w: %s and %s have the same key", ErrRoster, other.ID, m.ID)
		}
		if other, ok := set.byAddr[m.Addr]; ok {
			return nil, fmt.Errorf("%w: %s and %s have the same address %s", ErrRoster, other.ID, m.ID, m.Addr)
		}
		set.byID[m.ID], set.byKey[string(m.Key)], set.byAddr[m.Addr] = m, m, m
		set.members = append(set.members, m)
	}
	slices.SortFunc(set.members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return set, nil
}
