// Package restore has a cluster go on whose machines, or most of them, are lost, before any of its
// nodes runs: it reads, signs and checks the order of the seats' operators, and makes the ledger of a
// node that of a backup (FromBackup), or has it go on from what the node itself has when the others
// are lost (FromSurvivor). What nodes do with it then is in package node, what the entries do in
// package catalog/state, and why no vote and no acknowledgement of before is counted in package
// consensus.
package restore
