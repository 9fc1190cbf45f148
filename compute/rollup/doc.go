// Package rollup says which sums of consecutive tiles are worth keeping, and how a sum of
// tiles is made up of them, so that a sum over a long range reads a few kept sums and not
// every tile. ROLLUPS.md has the argument why the result is the same, bit for bit.
//
// A rollup is the sum of all tiles of one column and block of a version whose periods lie in
// one unit of the calendar: a day, month, year, ten years, a hundred years. [Tiles.Cover] cuts
// the tiles of a sum into rollups and runs of tiles; [Tiles.Parts] says what a rollup is itself
// made of. Both are pure functions of the manifest and the dataset's grain.
//
// # Invariants
//
//   - The pieces of a cover are disjoint, and together they are exactly the tiles that were asked for. A
//     rollup serves only where every one of its tiles was.
//   - A rollup's name says the manifest's digest, column, block and the range of tiles. A manifest
//     lists the digests of its tiles, so a name means the same bytes for ever: a version that
//     corrects or appends has a manifest, and rollups, of its own.
//   - A sum of consecutive tiles takes at most 2·[MaxEnd] additions, and one for each hundred years.
//
// # What it does not do
//
// It adds nothing and keeps nothing: package node/blobs does.
package rollup
