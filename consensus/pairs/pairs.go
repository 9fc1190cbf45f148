// Package pairs keeps the pairs of keys and values that a state consists of, in badger.
//
// They live in a directory of badger's that is named by its generation; the file CURRENT names
// the one that counts. A restore fills another generation and then replaces CURRENT, so that at
// any moment there is exactly one whole state, whatever crashes.
//
// Recent stands between a generation and its readers, and has in memory what was read lately.
package pairs

import (
	"context"
	"iter"
)

// Generations are the generations of a state. Its methods but Remove are called by one goroutine.
type Generations interface {
	// Open opens the generation that counts, which is empty at first, and removes all others.
	Open() (Store, error)
	// Fill makes another generation of what load puts, which does not count.
	Fill(load func(put func(key, value []byte) error) error) (Store, error)
	// Adopt makes a generation that was filled the one that counts, durably.
	Adopt(s Store) error
	// Remove closes and removes a generation that does not count any more, or not yet.
	Remove(s Store) error
}

// Store is an open generation. Write has one caller at a time, the others any number.
type Store interface {
	// Read holds one version of the pairs until the reader is closed.
	Read() Reader
	// Write makes the changes, all of them or none, and returns when they are durable.
	Write(changes iter.Seq[Change]) error
	// Room is how much Write takes at a time: fewer keys than that, and fewer bytes.
	Room() (keys, bytes int64)
	// Scrub compares what is on the disk with its checksums. pause is called after every step of
	// that many bytes; its error ends it.
	Scrub(ctx context.Context, step int64, pause func(context.Context) error) error
	// Collect gives back the space of overwritten large values. It takes one file at a time.
	Collect() error
	// Size is what the pairs take on the disk, in bytes.
	Size() int64
	Close() error
}

// Reader reads one version of the pairs.
type Reader interface {
	// Get returns a copy of the value: nil when there is none, an empty slice for an empty value.
	Get(key []byte) ([]byte, error)
	// Walk calls fn for every key under prefix behind the key prefix+after, in byte order, or
	// for those before it in the opposite one. An empty after is none. fn's error is returned as
	// it is, and key and value are valid until fn returns.
	Walk(prefix, after []byte, down bool, fn func(key, value []byte) error) error
	Close()
}

// Change is a write.
type Change struct {
	Key     string
	Value   []byte
	Deleted bool
}

// PerChange is what a store may count for a change beside key and value: above what badger does.
const PerChange = 32

// shared is a reader that several use. Whoever shares it guards it.
type shared struct {
	Reader
	users int
}

// share is a reader with one user.
func share(r Reader) *shared { return &shared{r, 1} }

// release ends a use.
func (r *shared) release() {
	if r.users--; r.users == 0 {
		r.Close()
	}
}
