// Package client is Weir's Go client: what the command line, the demo and the tests use, and
// what a program that talks to a cluster imports. It keeps the principal's key, makes
// requests to the nodes, submits envelopes, waits, and reads what the ledger has. What a
// program does with that stands in packages beside it, by who does it: publish, ask, exchange
// (orders and contracts), govern (what operators decide), nodestatus (how the nodes are), vector
// and portfolio (of what a buyer keeps to itself), audit, and family, which reads the state of
// the release rule. They take a *Client, and it imports none of them.
//
// A Client belongs to one cluster, which its Profile pins: the cluster's id and every node's
// Ed25519 key. TLS accepts these keys and nothing else, no CA is asked. With a Key it acts
// for that principal.
//
// A request is tried on one node after another until one can serve; those that could not
// are asked last for a while, and one that takes longer than usual is not waited for alone.
// Retry-After is honoured. An envelope is sent as the same bytes again, which is safe
// because the ledger applies it once. Errors that a caller decides on: *wire.Problem (what
// a node answered; its Refusal method tells a refusal of the ledger), *AnswersError (what
// each node said), *UnreachableError, *KeyError.
//
// A Client remembers what can never change (rows of a registry up to a length, manifests,
// presences, checked keys; see Cached). It is safe for concurrent use and starts no goroutine
// that outlives a call.
package client
