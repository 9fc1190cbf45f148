// Package evidence keeps the Merkle log of everything the ledger accepted.
//
// # What it is for
//
// Every applied entry is one leaf. A leaf is the encoded [Record]: the entry as
// it stood in the log, and beside it the outcome that the state machine gave it,
// a refusal included. Because all nodes apply the same entries in the same order
// to the same state, all nodes hold the same leaves and so the same tree; a root
// that differs between two nodes at one size is the proof that one of them
// computed something else.
//
// Hashing is that of RFC 6962, section 2.1: a leaf is SHA-256(0x00 ‖ record), a
// node SHA-256(0x01 ‖ left ‖ right). The arithmetic is the checksum database's
// own, golang.org/x/mod/sumdb/tlog; nothing of it is repeated here.
//
// # Storage
//
// The package has no store of its own. It writes through a [Writer] that the
// caller gives it, so that a leaf becomes durable in the same transaction as the
// change it records, or not at all. Per leaf there are two keys: the record, and
// the hashes that this leaf completes (its own and those of the subtrees that
// end with it, two on average), kept together so that a leaf costs one key and
// not two. Proofs of size n read at most 2·log2(n) of them.
//
// # Invariants
//
//   - Leaves are appended in order, without gaps: [Append] with a sequence number
//     whose left neighbours are missing fails.
//   - A stored hash is never changed. A tree of size n therefore stays provable
//     for good, however far the log has grown since.
//   - What is stored carries a version byte; what was written by an older version
//     stays readable, since receipts outlive the programs that made them.
//
// # How it fails
//
// A record or hash that is missing or does not decode is [ErrCorrupt]; a proof
// that does not lead from leaf to root is [ErrProof]. Nothing panics on bytes
// from outside.
//
// # What it does not do
//
// It does not sign. A checkpoint is a signed statement of (origin, size, root),
// and [Root] gives the two numbers that such a statement is about; a receipt is a
// record, its [Proof], and checkpoints of t nodes. Both are built on top, with no
// change to what is stored.
package evidence
