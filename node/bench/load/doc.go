// Package load puts many clients on a cluster of real node processes and checks every
// answer: what `weir bench load` runs.
//
// Each client has its own connections and belongs to one of a few buyers. It asks, one
// after another, queries, explanations and compilations over a dataset that the package
// makes and whose sums it knows by plain addition. What comes back is right, or wrong, or
// a refusal that says when to come back (429 or 503 with Retry-After), which the client
// does, or it failed. A cluster stands the load when nothing is wrong or failed, whatever
// share it refuses.
//
// It counts elections by the raft term at the beginning and at the end, and reads the
// resident memory of the node processes from /proc, where there is one. The clients run in
// this process, on the same machine as the nodes, so that latencies are those of a machine
// that is wholly taken. The longest stall of an idle timer in this process is given beside
// the elections: one that is longer than the nodes' heartbeat explains an election by the
// machine rather than by the nodes.
package load
