package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/node/client"
)

// A restore stays signed when the operators and seats that were there then have changed since.
func TestRestoresAreOfTheRosterOfTheirTime(t *testing.T) {
	key := func(name string) ed25519.PrivateKey {
		seed := sha256.Sum256([]byte(name))
		return ed25519.NewKeyFromSeed(seed[:])
	}
	public := func(name string) []byte { return key(name).Public().(ed25519.PublicKey) } //nolint:forcetypeassert // by definition
	cluster := func(operators ...string) catalog.Cluster {
		c := catalog.Cluster{ID: catalog.Sum([]byte("c")), Threshold: 2}
		for _, o := range operators {
			c.Nodes = append(c.Nodes, catalog.Node{ID: "n-" + o, Operator: public(o)})
		}
		return c
	}
	restore := func(previous catalog.Digest, size uint64, by ...string) (r recovery.Restored) {
		r.Order = recovery.Order{Cluster: catalog.Sum([]byte("c")), Size: size, Previous: previous}
		for _, o := range by {
			r.Signatures = append(r.Signatures, recovery.Signature{Operator: catalog.PrincipalID(public(o)), Signature: ed25519.Sign(key(o), r.Order.SignedBytes())})
		}
		return r
	}
	rosters := []catalog.Cluster{cluster("a", "b", "c"), cluster("b", "c", "d"), cluster("d", "e", "f")}
	first := restore(catalog.Digest{}, 10, "a", "b")
	next := func(by ...string) []recovery.Restored {
		return []recovery.Restored{first, restore(first.Order.ID(), 20, by...)}
	}
	late := restore(catalog.Digest{}, 11, "d", "e")
	for name, x := range map[string]struct {
		all []recovery.Restored
		ok  bool
	}{
		"of operators who have left":     {next("c", "d"), true},
		"of those who came":              {next("e", "f"), true},
		"of one roster":                  {next("b", "c"), true},
		"of nobody's roster":             {next("a", "f"), false},
		"of one operator":                {next("d"), false},
		"of an earlier roster afterward": {[]recovery.Restored{late, restore(late.Order.ID(), 20, "a", "b")}, false},
		"that follows another":           {[]recovery.Restored{first, restore(late.Order.ID(), 20, "c", "d")}, false},
	} {
		if err := checkRestores(rosters, x.all); (err == nil) != x.ok || err != nil && !errors.Is(err, client.ErrPinned) {
			t.Errorf("restores %s: %v", name, err)
		}
	}
}
