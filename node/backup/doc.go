// Package backup keeps archives of a cluster: the ledger as it was at one moment, with the
// checkpoint that a threshold of nodes signed of exactly that many entries, and the blobs that
// it names.
//
// # Form
//
// An archive is a store of objects, in a directory or in a bucket, that many backups share:
//
//	parts/DIGEST.BYTES.age        a part: its SHA-256 and its length, sealed
//	manifests/TIME-SIZE-ROOT.json one backup: a [Manifest]
//
// A part is a blob, or a piece of the ledger's stream (package snapstream), cut where its bytes
// say so (restic/chunker), so that the pieces of what did not change stay the same and the next
// backup copies what is new. The manifest is written last: a backup without it is none, and what
// it has copied is found again by the next one.
//
// # What is in it, and who can read it
//
// What nodes hold on their disks: the ledger, and ciphertexts. No secret of a node is in it: see
// nodeshare.Export for those. The ledger is confidential among nodes, so every part is encrypted
// (age) to recipients that the operator names; those of form age1pq1… are safe against a quantum
// computer. Names and manifests tell a thief digests, lengths, and how many entries there are.
//
// # What is believed
//
// Nothing of the archive and nothing of the node that it came from but what can be checked: the
// checkpoint's signatures against the roster, the roster against the cluster's id, the entries
// against the checkpoint, the state against the entries, which are applied anew
// (consensus.Replay), and parts and blobs against their digests. Whoever can write to the
// store can destroy a backup, or bring an older one; the newest checkpoint that anybody has
// kept says which is the newest.
package backup
