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
//   - Where it is given a founding, the nodes of a shadow (package shadow) with all of that: how many entries each has, with
//     which root, and what one computes of the same queries from its own disk.
//
// # What it is not
//
// It calls no address of the cluster, and a shadow is taken by nobody for the cluster: its machines have other keys, and
// no share. The order of a restore needs the signatures of other institutions
// and is not tried. The archive is only read. Shares are opened into memory and wiped; the ledger
// is in the clear below Options.Dir while it runs, which the caller removes.
//
// # Openings
//
// No node opens anything a second time for a drill. A shadow has no share: a node that had one would draw masks and
// smudging for contexts that the running nodes of its seat draw them for too, and a share that is restored beside the one in
// use is a second member at one Shamir point. What the process opens with shares that it is given has
// contexts of its own, that no attempt ever had ("drill" before the query), so nothing that was ever sent is made here,
// and what a member contributes stays in this process's memory: whoever reads that has the shares themselves. It counts against
// no key's wear, for nobody else sees a phase. Opening a vector that everybody knows instead, as canaries do,
// would need the shares of as many nodes in one place, and show less.
package drill
