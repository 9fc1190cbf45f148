// Package tiles turns a panel (entities × periods × measures) into tiles, and
// keeps tiles.
//
// A tile is one ciphertext: a block of consecutive entities × a run of
// consecutive periods of one measure, one cell a slot (DATA_MODEL.md section 3.8).
// [Layout] fixes which cell lies in which slot of which tile, [Pack] encrypts a
// panel by it, [Manifest] lists the digests of the result, [Presence] says
// publicly which cells hold a reading, and [Store] keeps the bytes under their
// SHA-256.
//
// # Invariants
//
//   - Cell (entity e, period p) of a block lies in slot
//     (p−p0)·block.Entities + (e−block.First) of the tile whose first period is
//     p0. Periods are counted from the version's first one here, so layouts do
//     not depend on the calendar. Slots beyond the block's periods are zero.
//   - Everything read from outside (manifest, presence) is bounded before it is
//     allocated and has one encoding: a manifest that does not encode to the
//     bytes it was read from is refused, so a digest names one meaning.
//   - The store never hands out bytes whose SHA-256 it has not compared with
//     the digest asked for since it was opened, or since they were doubted. Get,
//     Verify and Scrub compare it always. What goes bad on the disk after a comparison
//     and before the next is added up as it is: members of a query compare their sums
//     before they open any (PROTOCOL.md section 3.1), and doubt what they read where these
//     differ ([Store.Doubt]); a scrub finds it within a day.
//
// # How it fails
//
// Faults of one blob come as *BlobError around ErrNotFound, ErrCorrupt or
// ErrDigest; the remedy is to fetch the blob from a peer and Put it again,
// which overwrites a damaged copy. ErrFull means that the disk is nearly full:
// badger writes through mapped files, and on a full disk that is a SIGBUS, so
// writing stops early. ErrHalfRead means that the disk failed (bad sector, truncated file)
// under bytes that a caller was reading in place: what it was adding up is of no use, and the blob
// is to be replaced. ErrFault means that it failed under badger's own files; the store
// refuses everything from then on.
//
// # What it does not do
//
// It does not encrypt, add or check ciphertexts (compute/he does), does not
// read publishers' files (compute/panel), does not keep sums of tiles (compute/rollup, node/blobs),
// and does not know the network.
package tiles
