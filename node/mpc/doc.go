// Package mpc is a node's part in what nodes compute together: the keys of publishers, the opening
// of encrypted sums, products of shares, the registration and the use of private vectors, and
// the answers of queries (PROTOCOL.md sections 1 to 6 and 8).
//
//   - opening.go accumulates, compares digests with the other members, and opens.
//   - conversation.go runs a computation on shares; products.go and private.go have the
//     computations of a query, pieces.go its test, vectors.go the computation of a registration.
//   - ceremony.go makes keys, keyring.go keeps this node's shares of them.
//   - answer.go answers a query from all of these, and kept.go a repeat from what was kept.
//   - mailbox.go holds what other members sent until the work that needs it gets there;
//     expected.go says what is taken for it.
//
// A node contributes a share only for an accumulator it computed itself, from tiles whose digests
// the ledger names, for an attempt the ledger names, with itself in the active set. What must
// not be lost is in the vault before anything that counts on it leaves the node: shares of keys
// before they are acknowledged, noise before an opening, a vector's share before its nonce.
package mpc
