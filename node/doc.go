// Package node is the Weir daemon: it wires one node's ledger, secrets, blobs
// and connections together and does the node's part of everything that the
// ledger decides.
//
// # How it works
//
// The ledger is the only source of work. Every node looks at the same replicated
// state and derives from it what is left for it to do: commit to a key ceremony,
// fetch the tiles of a version, open its part of a query. What it did it says in
// a signed envelope, which changes the state, which ends the work. There is no
// other protocol state: a node that was killed looks at the ledger and goes on.
//
//   - duties.go derives the work of this node as a member, and runs it.
//   - lead.go derives what the leader alone has to decide (when a ceremony
//     starts, which active set opens) and proposes it.
//   - ceremony.go, storage.go, parity.go and query.go are the work itself;
//     opening.go is what parity and queries share: accumulate, compare digests,
//     open (PROTOCOL section 3).
//   - headway.go counts, in memory alone, how far this node is with an attempt, and
//     tells the query's owner in coarse steps.
//   - exchange.go holds what other members sent until the work that needs it
//     gets there.
//   - repair.go finds blobs that went bad or got lost, on reading and by a scrub
//     that runs by itself, and replaces them by another node's copies; collect.go
//     deletes those that nothing in the ledger has named for days.
//   - preflight.go plans a query before it is proposed, and refuses one whose
//     plan does not fit (package fit).
//   - checkpoint.go signs this node's own evidence log and gathers other nodes'
//     signatures on demand; evidence.go proves entries with them.
//   - submit.go is the way into the ledger from any node, reading.go the
//     linearizable way out; acts.go bounds what one principal may have recorded.
//
// # Invariants
//
// A node contributes a share only for an accumulator it computed itself, from
// tiles whose digests the ledger names, for an attempt the ledger names, with
// itself in the active set. A share of an opening is sent to the attempt's root
// over its pinned connection and nowhere else. Sealed shares leave through the
// ledger, to the buyer's key alone.
//
// A node signs checkpoints of the log that it applied itself, never a smaller one
// after a larger one, and none that does not continue what it signed before: the
// last one is in the vault before a signature leaves.
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
//
// # How it fails
//
// Work that fails is tried again at the next change of the state or tick, until
// the leader ends the attempt: because a member does not answer, was started
// anew and lost what others had sent it, or takes too long. A node that starts
// ends the attempts itself that its state has it in: a new leader would not know.
// The next attempt's set prefers nodes that took part in fewer failed ones. Work
// that can never succeed (digests of members
// differ, a manifest that contradicts the ledger) ends its attempt at once, with
// the reason in the ledger. A node whose key share does not match its digest is
// not ready, says which file is wrong, and takes no part in openings. A damaged
// blob is served to nobody, and its repair counted; where no copy can be had the
// attempt fails with that reason. A query that fails or panics wherever it is
// planned is ended, and keeps nothing else from being decided.
package node
