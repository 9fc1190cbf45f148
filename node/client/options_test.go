package client

import (
	"crypto/ed25519"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// Who makes a client with the options of another one and a newer profile reaches the nodes that this one pins.
func TestOptionsOfAClientPinNothing(t *testing.T) {
	var p Profile
	p.Cluster = catalog.Sum([]byte("c"))
	for _, id := range []string{"n1", "n2", "n3"} {
		key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey) //nolint:forcetypeassert // by definition
		key[0]++
		p.Nodes = append(p.Nodes, ProfileNode{ID: id, Addr: "https://" + id, Key: key})
	}
	c, err := New(p, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Options().TLS != nil || !c.pins {
		t.Error("the options have what pins the profile's keys")
	}
}
