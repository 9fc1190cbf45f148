// Package drill tries whether a cluster could go on from a backup, on one machine and without the
// cluster: it reads the archive, has the ledger prove itself, computes recorded queries anew from
// the archive's tiles, verifies receipts, and, where it is given the shares of enough nodes, opens
// what it computed.
//
// # What is compared with what
//
//   - The state of the backup with what its entries make when they are applied anew; what each
//     entry comes to, which for a query is the verdict, with what is recorded; the entries with the
//     checkpoint that a threshold of nodes signed.
//   - The blobs that this state needs with those that the backup lists. What the list says is one
//     node's word; the state is nobody's.
//   - Of recorded queries the plan, and the sums of ciphertexts by the contexts that the members of
//     the attempt committed to in the ledger (mpc.Contexts). Nothing is opened for it, so it needs
//     no secret.
//   - Sums that are opened by the shares, with 0 in their parity; and with the figures of a result
//     that its owner kept (weir query -o json).
//
// # What it is not
//
// It starts no node, listens to nothing and calls no address: a shadow that nobody can reach is
// taken by nobody for the cluster. The order of a restore needs the signatures of other institutions
// and is not tried. The archive is only read. Shares are opened into memory and wiped; the ledger
// is in the clear below Options.Dir while it runs, which the caller removes.
//
// Openings have contexts of their own, that no attempt ever had, and what a member contributes to
// one leaves no memory of this process.
package drill
