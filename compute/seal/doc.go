// Package seal closes a message to one receiver's public key, so that whoever
// carries or stores it, the ledger included, can neither read nor change it.
//
// It is HPKE (RFC 9180) in base mode with one suite: the hybrid KEM
// MLKEM768X25519 (X-Wing, draft-ietf-hpke-pq), HKDF-SHA256 and AES-256-GCM,
// all from the standard library's crypto/hpke. The sender form is used, because
// the single-shot functions of that package take no additional data, and it is
// the additional data that nails a sealed share to its query, plan and
// accumulators (PROTOCOL.md section 4.4) and a vector's share to its owner and point
// (PROTOCOL.md section 6.1).
//
// Invariants:
//
//   - A sealed message is a version byte, the encapsulated key, the ciphertext:
//     always Overhead bytes longer than the plaintext. Its length is thus the
//     only thing it says about the plaintext.
//   - Every call of Seal encapsulates anew; a context is never used twice, so
//     there is no nonce to keep.
//   - info separates purposes, aad names the instance. Both must be equal on
//     both sides, or nothing opens.
//
// How it fails: keys that are malformed give ErrKey. Whatever is wrong with a
// sealed message (its version, its length, one bit of it, the key, info or
// aad) is ErrOpen, and deliberately the same ErrOpen. Nothing panics.
//
// The package also has the layout of what is sealed most often, a node's share
// of a query's result (EncodeShare).
//
// What it does not do: it does not say who sealed a message (anybody may seal
// to a public key; the ledger entry around it is signed), it does not hide the
// length, and it has no forward secrecy against the loss of the receiver's
// private key.
package seal
