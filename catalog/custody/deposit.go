// Package custody says what the ledger has of deposits: a node's share, encrypted so that some of the
// people whom its institution named recover it together. Which deposits a seat has made, of which shares
// of keys, and which of them was used, is for everybody; nothing of what is in one is here.
package custody

import (
	"encoding/hex"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Bounds of a deposit.
const (
	MaxCustodians = 16
	// MaxShares is of how many keys a deposit is listed to have shares.
	MaxShares = 4096
)

// fingerprintBytes is how much of the digest of a custodian's key is told.
const fingerprintBytes = 8

// Register lists a deposit. The operator of the seat sends it.
type Register struct {
	Deposit    catalog.Digest    `json:"deposit"`    // of its head
	Node       string            `json:"node"`       // whose share it is
	Key        []byte            `json:"key"`        // of the machine: another one in the seat makes it void
	Made       int64             `json:"made"`       // Unix milliseconds, by the machine's clock
	Threshold  int               `json:"threshold"`  // so many custodians recover it
	Custodians []string          `json:"custodians"` // fingerprints of their keys
	Shares     []catalog.Sharing `json:"shares,omitempty"`
}

// Use says that the node that proposes it was made of a deposit. Use is drawn when that is done, so that
// the same deposit used twice is noticed.
type Use struct {
	Deposit catalog.Digest `json:"deposit"`
	Use     catalog.Digest `json:"use"`
}

// Deposit is what the ledger knows of one.
type Deposit struct {
	Register
	Seq    uint64         `json:"seq"` // entry that listed it, or said that it was used
	At     int64          `json:"at"`
	Used   catalog.Digest `json:"used,omitzero"` // which Use; zero: it was not
	UsedAt int64          `json:"used_at,omitempty"`
}

// Burned reports whether the deposit was used.
func (d Deposit) Burned() bool { return !d.Used.IsZero() }

// Fingerprint is by what a custodian's key is told from others.
func Fingerprint(recipient string) string {
	d := catalog.Sum([]byte(recipient))
	return hex.EncodeToString(d[:fingerprintBytes])
}

// Check refuses a deposit that cannot be one.
func (b Register) Check() error {
	switch {
	case b.Deposit.IsZero():
		return catalog.Invalid("deposit", "deposit.digest")
	case b.Made <= 0 || b.Made > catalog.MaxTime:
		return catalog.Invalid("made", "deposit.made", b.Made)
	case len(b.Custodians) > MaxCustodians || b.Threshold < 2 || b.Threshold > len(b.Custodians):
		return catalog.Invalid("threshold", "deposit.threshold", b.Threshold, len(b.Custodians), MaxCustodians)
	case len(b.Shares) > MaxShares:
		return catalog.Invalid("shares", "deposit.shares", len(b.Shares), MaxShares)
	}
	for i, c := range b.Custodians {
		if raw, err := hex.DecodeString(c); err != nil || len(raw) != fingerprintBytes || hex.EncodeToString(raw) != c || slices.Contains(b.Custodians[:i], c) {
			return catalog.Invalid("custodians", "deposit.custodian", i+1)
		}
	}
	return nil
}

// Standing is what a deposit is worth.
type Standing struct {
	Void    bool `json:"void,omitempty"` // another machine is in the seat
	Burned  bool `json:"burned,omitempty"`
	Keys    int  `json:"keys,omitempty"`    // of which it has no share that is in force
	Vectors int  `json:"vectors,omitempty"` // that were shared after it was made
}

// Current reports whether it has all that its seat has.
func (s Standing) Current() bool { return s == Standing{} }

// StandingOf compares a deposit with what is in force: the ready keys and private vectors.
func StandingOf(d Deposit, c catalog.Cluster, keys []catalog.Key, vectors []catalog.Vector) Standing {
	at := slices.IndexFunc(c.Nodes, func(n catalog.Node) bool { return n.ID == d.Node })
	s := Standing{Burned: d.Burned(), Void: at < 0 || !slices.Equal(c.Nodes[at].Key, d.Key)}
	for _, k := range keys {
		if k.State == catalog.KeyReady && slices.Contains(k.Nodes, d.Node) && !slices.Contains(d.Shares, k.InForce()) {
			s.Keys++
		}
	}
	for _, x := range vectors {
		if x.State == catalog.VectorReady && slices.Contains(x.InForce().Nodes, d.Node) && x.InForce().At >= d.Made {
			s.Vectors++
		}
	}
	return s
}
