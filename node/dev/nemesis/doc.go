// Package nemesis runs a cluster of real processes, asks it for many things at once,
// and meanwhile does to its nodes, their network and their disks what machines do to
// them. It then checks what must hold whatever happened:
//
//   - what was acknowledged is there, on every node (orders, queries);
//   - every query that was accepted is paid for once, unless it failed and was refunded,
//     and what readers saw of what was spent can be put in one order with the queries
//     (porcupine; linearizability, Herlihy and Wing 1990);
//   - every figure that was given equals the one that plain loops over the readings give;
//   - all nodes come back, with one history (tree root) and one state;
//   - machines are replaced in their seats while all this goes on, the cluster grows to five seats of which three open
//     together, and shrinks to three and two again, and every node has its shares of keys and portfolios after each fault;
//   - no node gives two contributions in one place of an attempt, by what the nodes' logs say.
//
// Faults are drawn from a seed, one after the other: a cluster that survives one fault at
// a time owes nothing more, and each must be survived within Options.Patience. Networks are
// cut, and lose and delay packets, where package network is available; elsewhere
// those faults are left out, and the report says so.
package nemesis
