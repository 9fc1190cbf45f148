// Package segment keeps blobs in append-only files, which it maps into memory, so that they are read
// without a copy. Which blob lies where is for the caller to remember: [Files.Append] returns a
// [Pointer], and whoever opens the files again tells which pointers it still has.
//
// # Invariants
//
//   - Bytes that a pointer names are never written again: a file is only appended to, behind the end of
//     everything that a known pointer names.
//   - A file stays mapped while somebody holds bytes of it, also after [Files.Remove].
//   - What [Files.Append] was given before [Files.Sync] is on the disk when Sync returns. A caller who makes
//     a pointer durable only then never has one that leads nowhere. One who did so earlier may, after a power
//     cut, have a pointer to other bytes, and must compare a digest.
//
// # How it fails
//
// A full disk is an error of Append, and leaves no pointer: writing goes through the file and not through
// the mapping. Reading bytes of a file that was cut off, or lies on a bad sector, is a fault in the goroutine that
// reads; [runtime/debug.SetPanicOnFault] makes a panic of it, which the caller recovers. [ErrGone] is returned
// for a pointer into a file that is not there.
//
// # What it does not do
//
// It compares no checksums, and decides neither what is deleted nor when files are rewritten.
package segment
