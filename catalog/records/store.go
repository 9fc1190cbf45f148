// Package records keeps the records of the state under the keys of a store: which key a
// record has, how it is written and read, and what is decoded once for all who read.
//
// Keys and the JSON under them are what replicas and snapshots hold, so neither changes.
// A Cache keeps what was decoded by the digest of the bytes, so a hit and a miss give the
// same answer, and it may be read by many at once; what it returns is not to be changed.
package records

// Reader reads one consistent version of the state.
type Reader interface {
	// Get returns the value stored under key, or nil when there is none. The
	// slice belongs to the caller. An error is a fault of the store, never a
	// missing key.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for every key with the prefix, in ascending byte order,
	// until fn returns an error, which Scan returns as it is. The slices are
	// valid only during the call.
	Scan(prefix []byte, fn func(key, value []byte) error) error
}

// Tx is a Reader that also collects changes. It reads its own writes. All
// changes of one applied entry become durable together, with the entry's
// sequence number, or not at all.
type Tx interface {
	Reader
	Set(key, value []byte) error
	Delete(key []byte) error
}
