// Package token makes and checks the short-lived tokens that a client signs
// itself, with its principal's Ed25519 key, to read what is not public and to
// upload blobs (DATA_MODEL.md section 12.2).
//
// A token is a JWT (RFC 7519) of algorithm EdDSA (RFC 8037) and nothing else:
// subject the principal's id, audience the cluster's id, issued-at and expiry
// at most MaxAge apart. No node keeps a session or a secret for it, and a token
// for one cluster is worth nothing on another. It changes no state: whatever
// does is a signed envelope.
package token
