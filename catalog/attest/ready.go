// Package attest reads and checks what is signed or sealed beside envelopes: the statement
// that a key is ready, orders as their buyers signed them, and what sealed shares of
// witnesses are bound to.
package attest

import (
	"crypto/ed25519"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// ReadyContext separates signatures under a ready statement from every other
// use of a node's key.
const ReadyContext = "weir ready v1\n"

// ReadyStatement is what all nodes sign when a key is ready, PROTOCOL.md section 1.2:
// a text of one line a fact that names the cluster, the key and its epoch, and
// for every node its point, Ed25519 key, sealing key and the digest of its
// public share. A client that pins the cluster checks the signatures, recomputes
// the key from the shares, and only then encrypts.
func ReadyStatement(c catalog.Cluster, k catalog.Key) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "weir key ready 1\ncluster %s\npublisher %s\nkey %s\nepoch %d\nattempt %d\nthreshold %d\nreference %s\n",
		c.ID, k.Publisher, k.ID, k.Epoch, k.Attempt, k.Ceremony().Threshold, k.Reference)
	for i, n := range c.Nodes {
		var public catalog.Digest
		if i < len(k.Commits) {
			public = k.Commits[i].Public
		}
		fmt.Fprintf(&b, "node %d %s %x %x %s\n", n.Point, n.ID, n.Key, n.Sealing, public)
	}
	return []byte(b.String())
}

// VerifyReady reports whether signature is the node's under the statement.
func VerifyReady(node catalog.Node, statement, signature []byte) bool {
	return len(node.Key) == ed25519.PublicKeySize &&
		ed25519.Verify(node.Key, append([]byte(ReadyContext), statement...), signature)
}
