// Package apitest is a cluster in one process for tests of the API, the client
// and the command line: the real state machine over memory, and nodes that do
// the real cryptography (ceremonies, parity openings, queries) at once, whenever
// something is submitted. There is no consensus, no network between nodes and
// no disk; package node has those, and tests of its own.
//
// Faults are injected through the fields of Cluster. Everything is serialised
// by one lock, so what a test sees is deterministic but for the randomness of
// keys and ciphertexts.
package apitest
