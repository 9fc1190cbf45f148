// Package records keeps the records of the state under the keys of a store: which key a
// record has, how it is written and read, and what is decoded once for all who read.
//
// Keys and the JSON under them are what replicas and snapshots hold, so neither changes.
// A Cache keeps what was decoded by the digest of the bytes, so a hit and a miss give the
// same answer, and it may be read by many at once; what it returns is not to be changed.
package records
