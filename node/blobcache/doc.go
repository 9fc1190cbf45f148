// Package blobcache keeps a node's blobs in an object store, such as a bucket of an S3-compatible
// service, and those that are used on the node's disk, of which it takes no more than it may.
//
// What is put lies on the disk first: Put and Sync promise what they promise without an object
// store, and wait for nobody. A goroutine uploads it afterwards. What the object store has is
// removed from the disk when room is needed, longest unused first; what it does not have yet never
// is, so that a store which cannot be reached costs nothing but room, until there is none:
// tiles.ErrFull.
//
// A file beside the blobs, the index, lists what was uploaded. It is on the disk before the first
// blob that it lists is removed from there. Where it is lost, or belongs to another store, what the
// store has is listed anew.
//
// Nothing that comes from the store is believed: its SHA-256 is compared before anybody sees it.
// What is absent there is tiles.ErrNotFound, what has other bytes tiles.ErrCorrupt, and both are
// repaired from other nodes as on a disk. What cannot be asked for now is ErrUnreachable, and is
// not taken for lost.
//
// Who runs the store sees how many blobs a node has, how large they are and when they are read.
// Blobs are ciphertexts under keys that no single node holds, and public documents.
package blobcache
