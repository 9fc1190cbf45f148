// Package spill holds lists of numbers that are too long for memory: the readings of a
// publisher while they are read, compared and encrypted.
//
// A [Store] keeps what it is given in memory up to a bound, and what is beyond in one
// temporary file. [Writer] makes a [Numbers], once, from front to end; that is read
// anywhere and by several goroutines at once.
//
// # Invariants
//
//   - The file is of mode 0600 and encrypted (AES-256-GCM) under a key that is drawn when
//     the store is made and is only in memory: whatever is left of the file, nobody reads
//     it. Each block has its own nonce, and is bound to its place.
//   - On Unix the file has no name from the moment on that it exists: the system removes
//     it when the process ends, also when it is killed. Elsewhere Close removes it.
//
// # How it fails
//
// Errors are of the file system, such as a full disk, or ErrDamaged for a block that is
// not what was written.
package spill
