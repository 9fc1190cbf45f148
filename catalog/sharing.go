package catalog

import (
	"cmp"
	"slices"
)

// Sharing names one division of a key into the nodes' shares (PROTOCOL.md section 1.5).
type Sharing struct {
	Key     string `json:"key"`
	Epoch   uint64 `json:"epoch"`
	Attempt int    `json:"attempt"`
}

// Refresh is a key's next sharing, until it is in force.
type Refresh struct {
	Epoch     uint64     `json:"epoch"`
	Attempt   int        `json:"attempt"` // 0: none was begun yet
	State     KeyState   `json:"state"`
	Reference Digest     `json:"reference,omitzero"` // of the entry that began it
	Dealers   []int      `json:"dealers,omitempty"`  // points, ascending
	Dealings  [][]Digest `json:"dealings,omitempty"` // by dealer, then by point; nil where missing
	Acked     []bool     `json:"acked,omitempty"`    // by point
	Tested    []bool     `json:"tested,omitempty"`   // by test set
	Reason    Reason     `json:"reason,omitzero"`    // of the last attempt that failed
	Wanted    int64      `json:"wanted"`
	To        *KeyRoster `json:"to,omitempty"`       // the key's publisher approved that it moves there; nil: the roster stays
	Approved  *KeyMoved  `json:"approved,omitempty"` // that it did
}

// KeyMoved is a publisher's approval of whom its key is shared among. Whoever knows the publisher's id can
// check it.
type KeyMoved struct {
	Envelope Envelope `json:"envelope"`
	Key      []byte   `json:"key"` // Ed25519, the publisher's
}

// Retired is a sharing that only attempts which were named before are opened under.
type Retired struct {
	Sharing
	Since  int64  `json:"since"`
	Erased []bool `json:"erased"` // by point
	// Roster is among whom it was; nil: among whom the key is shared now.
	Roster *KeyRoster `json:"roster,omitempty"`
}

// InForce is the sharing that the next attempt opens the key under.
func (k Key) InForce() Sharing { return cmp.Or(k.Sharing, k.Made()) }

// Made is the sharing of the ceremony that made the key, or makes it.
func (k Key) Made() Sharing { return Sharing{k.ID, k.Epoch, k.Attempt} }

// Roster is among whom the key is shared now.
func (k Key) Roster() KeyRoster { return KeyRoster{k.Nodes, k.Threshold} }

// Ceremony is among whom the key was made.
func (k Key) Ceremony() KeyRoster { return *cmp.Or(k.First, new(k.Roster())) }

// Holders are the nodes that have a share in force, as far as the ledger knows.
func (k Key) Holders() []string {
	return slices.DeleteFunc(slices.Clone(k.Nodes), func(id string) bool { return slices.Contains(k.Lacks, id) })
}

// Target is among whom the sharing under way, or wanted, shares the key.
func (k Key) Target() KeyRoster {
	if k.Refresh != nil && k.Refresh.To != nil {
		return *k.Refresh.To
	}
	return k.Roster()
}

// Before is among whom the retired sharing shared the key.
func (k Key) Before() KeyRoster {
	if k.Retired != nil && k.Retired.Roster != nil {
		return *k.Retired.Roster
	}
	return k.Roster()
}

// RosterOf is among whom a sharing shares the key. Of one that is neither retired, in force nor
// under way nothing is left.
func (k Key) RosterOf(s Sharing) (KeyRoster, bool) {
	if u, _, under := k.UnderWay(); under && s == u {
		return k.Target(), true
	}
	if k.Retired != nil && s == k.Retired.Sharing {
		return k.Before(), true
	}
	return k.Roster(), s == k.InForce()
}

// UnderWay is the attempt under way, of the ceremony or a refresh, and its step; false: none is.
func (k Key) UnderWay() (Sharing, KeyState, bool) {
	if k.Refreshing() {
		return Sharing{k.ID, k.Refresh.Epoch, k.Refresh.Attempt}, k.Refresh.State, true
	}
	return k.Made(), k.State, k.State != KeyReady && k.State != KeyFailed
}

// SharingOf is the sharing that an attempt opens a key under.
func (a Attempt) SharingOf(k Key) Sharing {
	for _, s := range a.Sharings {
		if s.Key == k.ID {
			return s
		}
	}
	return k.Made()
}

// MoveOf is the move that made the sharing which an attempt reads a vector under; 0: its owner
// did.
func (a Attempt) MoveOf(vector string) uint64 {
	for _, u := range a.Vectors {
		if u.ID == vector {
			return u.Move
		}
	}
	return 0
}

// Refreshing reports whether a refresh is in one of the steps of an attempt.
func (k Key) Refreshing() bool {
	return k.Refresh != nil && k.Refresh.State != KeyWanted && k.Refresh.State != KeyFailed
}

// NextReshare is what begins the next attempt of a refresh by dealers.
func NextReshare(k Key, dealers []int) KeyReshare {
	return KeyReshare{Key: k.ID, Epoch: k.InForce().Epoch + 1, Attempt: max(k.InForce().Attempt, k.Refresh.Attempt) + 1, Dealers: dealers}
}

// RefreshWaits names the nodes that a refresh, or the erasure after one, waits for.
func (k Key) RefreshWaits() (nodes []string) {
	var done []bool // by point
	roster := k.Target()
	switch {
	case !k.Refreshing() && k.Retired != nil:
		done, roster = k.Retired.Erased, k.Before()
	case k.Refreshing() && k.Refresh.State == KeyDealing:
		done = k.Refresh.Acked
	case k.Refreshing() && k.Refresh.State == KeyCommitting:
		for i, point := range k.Refresh.Dealers {
			if k.Refresh.Dealings[i] == nil {
				nodes = append(nodes, k.Nodes[point-1])
			}
		}
	}
	for i, d := range done {
		if !d {
			nodes = append(nodes, roster.Nodes[i])
		}
	}
	return nodes
}
