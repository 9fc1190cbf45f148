// Package dev runs a whole cluster on one machine: every node a process of its
// own, with its own directory, keys and ports on loopback. `weir dev`, `weir
// demo` and the tests that kill nodes use it.
//
// A directory D holds
//
//	D/keys/{bureau,buyer,operator}.key   the principals' keys, and .pub files
//	D/genesis.json                       the founding that every node is started with
//	D/nodes/ID/                          a node's data
//	D/nodes/ID.seal-key                  the key that seals its secrets
//	D/nodes/ID.log, ID.pid               its log and process id
//	D/ready.json                         written when the cluster can take work
//	D/lock                               held while the cluster runs
//
// and is enough to start the same cluster again. That the seal keys lie beside
// what they seal, and all nodes on one disk, makes it a cluster to try things
// with, not one to trust.
//
// Nodes end with the process that started them, even when that is killed: each
// has the end of a pipe as its standard input, and stops when the other end
// closes.
package dev
