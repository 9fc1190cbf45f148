package tiles

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// Sentinels of the store.
var (
	// ErrNotFound is returned when the store has no such blob.
	ErrNotFound = errors.New("no such blob")
	// ErrCorrupt is returned when the bytes on disk are not the ones that were
	// put: fetch the blob from a peer and Put it again.
	ErrCorrupt = errors.New("blob is corrupt")
	// ErrDigest is returned when bytes to be put do not have the digest they
	// were announced by.
	ErrDigest = errors.New("blob does not have this digest")
	// ErrTooLarge is returned when a blob to be put exceeds MaxBlob.
	ErrTooLarge = errors.New("blob is too large")
	// ErrFull is returned when the disk has less free space than MinFree.
	ErrFull = errors.New("disk is nearly full")
	// ErrHalfRead is returned when reading the disk failed under bytes that a caller was given in place, which were
	// sound when they were first read: what it made of them is of no use. Then do as after ErrCorrupt.
	ErrHalfRead = errors.New("disk failed while a blob was read")
	// ErrFault is returned when reading the disk failed under badger's own files.
	// The store refuses everything afterwards: the process must be restarted,
	// the disk looked at.
	ErrFault = errors.New("disk failed under the blob store")
	// ErrClosed is returned when the store was closed.
	ErrClosed = errors.New("blob store is closed")
	// ErrFormat is returned by Open when the directory holds another format.
	ErrFormat = errors.New("unknown format of blob store")
)

// BlobError is a fault of one blob; Err wraps one of the sentinels.
type BlobError struct {
	Digest catalog.Digest
	Err    error
}

// Error implements error.
func (e *BlobError) Error() string { return fmt.Sprintf("blob %s: %v", e.Digest, e.Err) }

// Unwrap returns the fault.
func (e *BlobError) Unwrap() error { return e.Err }
