// Package client is Weir's Go client: what the command line, the demo and the
// tests use, and what a program that talks to a cluster imports.
//
// A Client belongs to one cluster, which its Profile pins: the cluster's id and
// every node's Ed25519 key. TLS accepts these keys and nothing else, no CA is
// asked. With a Key it acts for that principal.
//
// What leaves the machine: envelopes that the principal signed, tiles encrypted
// under a key whose making the client has checked (ReadyKey), which cells are
// present, and per period of the policy's grain which entities count. No
// reading does, nor the private keys. What comes back of a query are t sealed
// shares; the client opens them, adds them up, checks plan, contexts and parity,
// and only then has a figure (Query). A result whose parity is not 0 is
// *ParityError, and there is nothing else to look at.
//
// What the cluster recorded can be proven to others: a receipt (QueryReceipt,
// VersionReceipt, EntryReceipt) is verified by Profile.VerifyReceipt, with no node
// running, and Monitor follows every node's log.
//
// A request is tried on one node after another until one answers. An envelope
// is sent as the same bytes again, which is safe because the ledger applies it
// once. Errors that a caller decides on: *wire.Problem (what a node answered;
// its Refusal method tells a refusal of the ledger), *UnreachableError,
// *ParityError, *KeyError, ErrRejected.
//
// A Client keeps what can never change (rows of a registry up to a length,
// manifests, presences, checked keys) in memory. It is safe for concurrent use
// and starts no goroutine that outlives a call. It writes no file except where
// a function says so.
package client
