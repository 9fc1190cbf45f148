// Package peer is how nodes talk to one another: who a node is, the one port
// it offers to its peers, and the calls made over it.
//
// A node is an Ed25519 key (Identity); a Roster says which key belongs to which
// node id and where that node listens. There is no certificate authority, no
// host name and no expiry: a TLS certificate only carries the key, and each
// side accepts exactly the keys of its roster. The side that dials accepts one
// key alone, that of the node it means to reach, so no node can stand in for
// another.
//
// One TCP port (Listen) carries two protocols, told apart by ALPN: streams of
// the consensus log (Mux.Raft) and HTTP/1.1 requests (Mux.Peers, served by
// Server, made by Client). Mutual TLS 1.3 with X25519MLKEM768 is the only thing
// spoken: traffic recorded today stays closed to a quantum computer later.
//
// Invariants:
//
//   - Nothing is read above TLS, and no byte is sent, before the other side has
//     proven a key of the roster. In TLS 1.3 a dialler finishes before it is
//     judged; the accepting side therefore greets with one byte once it has
//     accepted, and the dialler waits for it. A refusal is an error of the
//     dial, not of some later read.
//   - The id that a handler is told comes from the key of the connection, never
//     from anything the peer wrote.
//   - When the roster changes, connections of keys that left it are closed.
//   - What is not registered is refused. Bodies and responses are bounded,
//     every wait ends: handshakes by a timeout, bodies by a stall limit, calls
//     by their context.
//   - One node has at most Options.MaxConnsFrom connections open.
//   - At most Options.MaxHandshakes strangers are being listened to. One more,
//     and the oldest is dropped: stalling holds nobody up.
//
// How it fails: ErrNotPinned (a key that is not the expected one),
// UnreachableError (errors.Is ErrUnreachable: no connection, or it broke before
// an answer), RemoteError (the peer's answer was an error), ErrResponseTooLarge.
//
// What it does not do: authorise (a handler gets the caller's id and decides),
// retry, compress, or limit how fast a member of the roster may ask.
//
// A node shuts down in this order: Server.Shutdown, Client.Close, raft's own
// transport, Mux.Close.
//
// The same identity serves the port for clients (APIServerTLS), which pin the
// roster's keys too (PinnedClientTLS).
package peer
