package peer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
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
	current atomic.Pointer[[]Member] // immutable

	mu       sync.Mutex // serialises Set, and guards watchers
	watchers map[*func()]struct{}
}

// NewRoster returns a roster of these members. Ids, keys and addresses must be
// distinct, or one node could pass for another.
func NewRoster(members []Member) (*Roster, error) {
	r := &Roster{watchers: make(map[*func()]struct{})}
	if err := r.Set(members); err != nil {
		return nil, err
	}
	return r, nil
}

// Set replaces the members. Connections of nodes that are no longer members, or
// whose key is another now, are closed before it returns. When the members are
// inconsistent it returns ErrRoster and nothing changes.
func (r *Roster) Set(members []Member) error {
	set := slices.Clone(members)
	for i, m := range set {
		if err := checkMember(m, set[:i]); err != nil {
			return err
		}
		set[i].Key = slices.Clone(m.Key)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current.Store(&set)
	for changed := range r.watchers {
		(*changed)()
	}
	return nil
}

// find returns the member that is the one, of which there is one at most.
func (r *Roster) find(one func(Member) bool) (Member, bool) {
	members := *r.current.Load()
	i := slices.IndexFunc(members, one)
	if i < 0 {
		return Member{}, false
	}
	return members[i], true
}

// Member returns the member with that id.
func (r *Roster) Member(id string) (Member, bool) {
	return r.find(func(m Member) bool { return m.ID == id })
}

// MemberByKey returns the member with that public key.
func (r *Roster) MemberByKey(key ed25519.PublicKey) (Member, bool) {
	return r.find(func(m Member) bool { return bytes.Equal(m.Key, key) })
}

// MemberByAddr returns the member that listens at that address, spelled as in
// the roster.
func (r *Roster) MemberByAddr(addr string) (Member, bool) {
	return r.find(func(m Member) bool { return m.Addr == addr })
}

// pins reports whether id is a member with this very key.
func (r *Roster) pins(id string, key ed25519.PublicKey) bool {
	m, ok := r.Member(id)
	return ok && bytes.Equal(m.Key, key)
}

// watch calls changed after every Set until stop is called. changed must not
// call Set or watch.
func (r *Roster) watch(changed func()) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[&changed] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, &changed)
	}
}

// checkMember refuses a member that is not whole, and one that could pass for one of the others.
func checkMember(m Member, others []Member) error {
	if m.ID == "" || m.Addr == "" {
		return fmt.Errorf("%w: a member without id or address (%q at %q)", ErrRoster, m.ID, m.Addr)
	}
	if len(m.Key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: the key of %s has %d bytes, want %d", ErrRoster, m.ID, len(m.Key), ed25519.PublicKeySize)
	}
	for _, other := range others {
		switch {
		case other.ID == m.ID:
			return fmt.Errorf("%w: the id %s occurs twice", ErrRoster, m.ID)
		case bytes.Equal(other.Key, m.Key):
			return fmt.Errorf("%w: %s and %s have the same key", ErrRoster, other.ID, m.ID)
		case other.Addr == m.Addr:
			return fmt.Errorf("%w: %s and %s have the same address %s", ErrRoster, other.ID, m.ID, m.Addr)
		}
	}
	return nil
}
