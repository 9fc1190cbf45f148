// Package sandbox has the commands that try Weir on this machine: a cluster of local
// processes, the demo that publishes and asks on one, and benchmarks.
package sandbox
