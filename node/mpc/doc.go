// Package mpc is a node's part in what nodes compute together: the keys of publishers, the opening
// of encrypted sums, products of shares, the registration and the use of private vectors, and
// the answers of queries (PROTOCOL.md sections 1 to 6 and 8).
//
//   - opening.go accumulates, compares digests with the other members, and opens.
//   - conversation.go runs a computation on shares; products.go and private.go have the
//     computations of a query, vectors.go that of a registration.
//   - ceremony.go makes keys, keyring.go keeps this node's shares of them.
//   - answer.go answers a query from all of these, and kept.go a repeat from what was kept.
//   - mailbox.go holds what other members sent until the work that needs it gets there;
//     expected.go says what is taken for it.
//
// A node contributes a share only for an accumulator it computed itself, from tiles whose digests
// the ledger names, for an attempt the ledger names, with itself in the active set. What must
// not be lost is in the vault before anything that counts on it leaves the node: shares of keys
// before they are acknowledged, noise before an opening, a vector's share before its nonce.
//
// The noise of a noised query is drawn once for all its numbers and stored in
// the vault before the node contributes to any opening of it; every attempt
// adds the same draw, and no record that was found is ever drawn anew. Every
// member adds noise of the full scale, so one honest one is enough.
//
// A repeat of an exact query is answered by the members that answered it, from the
// shares that they kept in their vaults (a thousand at most, for 30 days): sealed
// again, nothing is opened. The buyer gets the very numbers that it has, and shares
// of two openings are never mixed, which the ledger checks. Where a share is gone it
// is a new opening.
package mpc
