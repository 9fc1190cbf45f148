package client

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/statetest"
)

func mustJSON(t interface{ Fatal(...any) }, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signedKey is a ready key of a cluster of three, signed by all.
func signedKey(t *testing.T) (catalog.Cluster, catalog.Key, []ed25519.PrivateKey) {
	t.Helper()
	c := catalog.Cluster{ID: catalog.Sum([]byte("cluster")), Threshold: 2}
	k := catalog.Key{ID: "k-1", Publisher: "p-1", Epoch: 1, Attempt: 1, State: catalog.KeyReady, Threshold: 2, Reference: catalog.Sum([]byte("a"))}
	var keys []ed25519.PrivateKey
	for i := range 3 {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		id := string(rune('a' + i))
		c.Nodes = append(c.Nodes, catalog.Node{ID: id, Point: i + 1, Key: public, Sealing: []byte(id)})
		k.Nodes = append(k.Nodes, id)
		k.Commits = append(k.Commits, catalog.KeyCommit{Public: catalog.Sum([]byte(id))})
		keys = append(keys, private)
	}
	k.Statement = attest.ReadyStatement(c, k)
	for _, private := range keys {
		k.Signed = append(k.Signed, statetest.SignReady(private, k.Statement))
	}
	return c, k, keys
}

func TestKeyThatAnyPinnedNodeDidNotSignAsItStandsIsRefused(t *testing.T) {
	c, k, keys := signedKey(t)
	if err := checkStatement(c, k, "p-1"); err != nil {
		t.Fatalf("an honest key is refused: %v", err)
	}
	stranger, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// resign makes the statement that the changed record gives, signed by the
	// first two nodes and not by the third: a coalition of t.
	resign := func(k *catalog.Key) {
		k.Statement = attest.ReadyStatement(c, *k)
		for i, private := range keys[:2] {
			k.Signed[i] = statetest.SignReady(private, k.Statement)
		}
	}
	for name, change := range map[string]func(*catalog.Cluster, *catalog.Key){
		"a share exchanged":                func(_ *catalog.Cluster, k *catalog.Key) { k.Commits[1].Public = catalog.Sum([]byte("mine")) },
		"a share exchanged, signed by two": func(_ *catalog.Cluster, k *catalog.Key) { k.Commits[2].Public = catalog.Sum([]byte("mine")); resign(k) },
		"the reference exchanged":          func(_ *catalog.Cluster, k *catalog.Key) { k.Reference = catalog.Sum([]byte("b")) },
		"a signature missing":              func(_ *catalog.Cluster, k *catalog.Key) { k.Signed[0] = nil },
		"signatures in another order":      func(_ *catalog.Cluster, k *catalog.Key) { k.Signed[0], k.Signed[1] = k.Signed[1], k.Signed[0] },
		"a signature twice":                func(_ *catalog.Cluster, k *catalog.Key) { k.Signed[2] = k.Signed[1] },
		"one node less": func(_ *catalog.Cluster, k *catalog.Key) {
			k.Nodes, k.Commits, k.Signed = k.Nodes[:2], k.Commits[:2], k.Signed[:2]
		},
		"another publisher's":               func(_ *catalog.Cluster, k *catalog.Key) { k.Publisher = "p-2" },
		"a lower threshold":                 func(_ *catalog.Cluster, k *catalog.Key) { k.Threshold = 1 },
		"a node's key exchanged":            func(c *catalog.Cluster, _ *catalog.Key) { c.Nodes[1].Key = stranger },
		"a node's sealing key exchanged":    func(c *catalog.Cluster, _ *catalog.Key) { c.Nodes[1].Sealing = []byte("mine") },
		"nodes in another order":            func(_ *catalog.Cluster, k *catalog.Key) { k.Nodes[0], k.Nodes[1] = k.Nodes[1], k.Nodes[0] },
		"another statement, signed by none": func(_ *catalog.Cluster, k *catalog.Key) { k.Statement = []byte("weir key ready 1\n") },
		"another cluster":                   func(c *catalog.Cluster, _ *catalog.Key) { c.ID = catalog.Sum([]byte("other")) },
	} {
		changedCluster, changed := c, k
		changedCluster.Nodes = slices.Clone(c.Nodes)
		changed.Nodes, changed.Commits, changed.Signed = slices.Clone(k.Nodes), slices.Clone(k.Commits), slices.Clone(k.Signed)
		change(&changedCluster, &changed)
		if err := checkStatement(changedCluster, changed, "p-1"); err == nil {
			t.Errorf("%s: the key is accepted", name)
		}
	}
}
