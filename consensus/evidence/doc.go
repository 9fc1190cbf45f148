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
// Hashing is that of RFC 6962, section 2.1: a leaf is SHA-256(0x00 ‖ data), a
// node SHA-256(0x01 ‖ left ‖ right). The data of a leaf is not the record itself:
// it has the entry's digest in place of the entry ([Shown.Leaf]), so that what
// became of an entry can be proven without showing it. The arithmetic is the
// checksum database's own, golang.org/x/mod/sumdb/tlog; nothing of it is repeated
// here.
//
// # Checkpoints
//
// A [Checkpoint] is the tree's head in the text form of c2sp.org/tlog-checkpoint,
// under the origin "weir/" and the cluster's id. Every node is a signer of the log
// and its witness at once: it adds two lines to the signed note, both by the
// Ed25519 key that the roster names, under the key name ORIGIN/NODE. One is a plain
// note signature (type 0x01), which any implementation of c2sp.org/signed-note
// verifies; the other is a cosignature (type 0x04, c2sp.org/tlog-cosignature),
// which says at what time, and that the node has signed no larger tree. A node
// counts only with both ([Trust.Open]), and a checkpoint holds when t nodes count:
// then one of them at least is honest and signed what it applied itself.
//
// C2SP recommends ML-DSA-44 for new cosigners, which Go's standard library does
// not have yet; until then evidence is as strong as Ed25519. Cosignatures of
// another type can be added beside these, since unknown lines are ignored.
//
// A [Notary] is the node's part: it signs nothing that contradicts what it signed
// before, whatever happened to the log or the process in between.
//
// # Receipts
//
// A [Receipt] is a file of c2sp.org/tlog-proof about one entry. What its records
// say, and the paths of further entries to the same checkpoint, are in the line
// that the form has for such things; see [Receipt.Marshal]. A receipt has one
// encoding only, and in it every bit counts.
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
// # Shortened entries
//
// [Shorten] replaces a stored record by one without its entry: the entry's digest, the outcome, and what the
// state machine keeps of the entry so that it can be applied again ([Record].Short). A leaf commits to the entry
// through its digest alone, so the leaf, its path, roots and consistency stay as they are, and a receipt shows the
// entry withheld. What is lost is the entry: its signature can be checked by nobody who has not kept it, and
// Short is not proven by anything. Who shortens what is decided by entries (consensus.Shortener), so all nodes have the
// same records.
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
// A text from outside that is not of its form is [ErrMalformed], a signature that
// does not hold [ErrSignature], too few of them [ErrThreshold]. A tree that is not
// the continuation of what its node signed is [ErrRewritten].
//
// # What it does not do
//
// It proves that t nodes recorded something, not that it was right: t colluding
// nodes can sign what they like, and a monitor notices only if they sign different
// things for different readers. It does not read entries; package client does.
// It keeps no tiles of the log for others (c2sp.org/tlog-tiles).
package evidence
