// Package shadow restores a backup as a cluster of its own on one machine, to see whether it comes up (weir operator
// drill --genesis): the directories are made by what a real restore makes them with (restore.Shadow), each is
// opened as a node, the nodes elect a leader over TLS on loopback addresses, and one of three or more that
// comes with nothing gets the ledger from the others, as a machine does that is replaced.
//
// # What it cannot do
//
// Its machines have keys of their own, that no roster names and that are gone with its directory: to the nodes and the clients of
// the cluster it is a stranger, and they to it. It has no share of any key or vector, so it opens nothing and deals
// nothing. It works on nothing that the state asks of nodes, takes no act, and no part of a node runs that would ask
// anybody at an address of the backup (node.Options.Shadow): all that it knows of are its own machines.
// Everything that it writes lies below the directory that it is given, which the caller removes.
//
// # What it does not show
//
// That the operators sign an order, and that the shares which institutions keep open what was restored. With shares it
// would be the cluster, beside the one that runs: its nodes would answer for an epoch that others answer for too.
package shadow
