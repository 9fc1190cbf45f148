package catalog

import (
	"crypto/ed25519"
	"fmt"
	"strings"
)

// ReadyContext separates signatures under a ready statement from every other
// use of a node's key.
const ReadyContext = "weir ready v1\n"

// TestSets are the n−t+1 sets of t Shamir points with which a ceremony tests a
// new key: {1…t}, {2…t+1}, …. Together they cover all nodes.
func TestSets(n, t int) [][]int {
	if t < 1 || t > n {
		return nil
	}
	sets := make([][]int, n-t+1)
	for i := range sets {
		sets[i] = make([]int, t)
		for j := range sets[i] {
			sets[i][j] = i + j + 1
		}
	}
	return sets
}

// ReadyStatement is what all nodes sign when a key is ready, PROTOCOL section 1:
// a text of one line a fact that names the cluster, the key and its epoch, and
// for every node its point, Ed25519 key, sealing key and the digest of its
// public share. A client that pins the cluster checks the signatures, recomputes
// the key from the shares, and only then encrypts.
func ReadyStatement(c Cluster, k Key) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "weir key ready 1\ncluster %s\npublisher %s\nkey %s\nepoch %d\nattempt %d\nthreshold %d\nreference %s\n",
		c.ID, k.Publisher, k.ID, k.Epoch, k.Attempt, k.Threshold, k.Reference)
	for i, n := range c.Nodes {
		var public Digest
		if i < len(k.Commits) {
			public = k.Commits[i].Public
		}
		fmt.Fprintf(&b, "node %d %s %x %x %s\n", n.Point, n.ID, n.Key, n.Sealing, public)
	}
	return []byte(b.String())
}

// SignReady is a node's signature under a ready statement.
func SignReady(key ed25519.PrivateKey, statement []byte) []byte {
	return ed25519.Sign(key, signedBytes(ReadyContext, statement))
}

// VerifyReady reports whether signature is the node's under the statement.
func VerifyReady(node Node, statement, signature []byte) bool {
	return len(node.Key) == ed25519.PublicKeySize &&
		ed25519.Verify(node.Key, signedBytes(ReadyContext, statement), signature)
}
