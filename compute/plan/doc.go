// Package plan turns a verdict into a plan of homomorphic sums: which tiles of which
// versions are added up under which slot map, which are multiplied, where each slot
// goes, and what noise each node adds. It runs at every node of an attempt and again at
// the client. A plan is a pure function of the descriptor, the versions and the verdict
// ([NewPrivate]: and the versions' presence), and [Plan.Digest] is what they compare.
//
// # Cells of a group
//
// A group's cells are the dataset's cells that the verdict assigns to it. COUNT(m)
// counts those in which m is present, without the ones that the verdict excludes for the
// column m; SUM and AVG are over exactly the cells that COUNT(m) counts. COUNT(*) counts
// those in which any measure is present; it names no column, so exclusions do not touch
// it. [Grid] counts them from public presence.
//
// # Invariants
//
//   - Tiles of one column and block share an accumulator exactly when their slot
//     maps are equal; tiles of which nothing is selected are not read.
//   - A plan reads the versions of a verdict's layers, in their order. A cell of a column
//     is in one of them: cells that two layers take are an error. COUNT(*) counts a cell
//     once, whichever layers something of it is taken from.
//   - The last slot of every slot map is unselected: it is the tile's parity.
//
// # Noise
//
// A noised verdict's plan carries the law of the noise that each node adds to the
// numbers of a column, calibrated to what one entity's record can move ([Plan].Noise).
// The law is part of the plan's digest, so members that would add different noise do not
// open together. How often such a query may be asked is the catalog's business. One loss
// is not bounded here: delta adds up over the attempts of all queries, and only epsilon
// has a ledger.
//
// # Private vectors
//
// COUNTs within a private selector, and the sums of weights, are numbers of the plan
// like sums, but made of the vector and public presence alone: they need no opening and
// carry no noise. An exact sum within a selector leaves out the cells of entities that
// do not count in the policy's period, and so do COUNT(m) and AVG of that measure;
// COUNT(*) does not. A weighted aggregate is over the cells in which its measure is
// present, without one over those in which any is: SUM(PRIVATE(w)) takes an entity's
// weight once a period. Such a plan has no parity number, because on a product it would
// be the grand total. Nobody but the owner of a partition knows its pieces, so they are
// no groups of the verdict: every piece has figures of the whole grid, exact ones only.
//
// # What can be computed
//
// [Plan.Check] says, statically, whether the sums stay below half the plaintext modulus
// and the noise of the largest sum leaves it decodable; [Refusal] and [RefuseTest] tell a
// buyer what does not fit, with the numbers and how much less would. It is asked before a
// query is proposed, by EXPLAIN, and again by every member before it opens. An overflow by
// sums alone cannot get here: package state refuses it first, with a slightly lower limit
// (catalog.MaxSum). What is left are the tail of noise that a query carries and weights.
// Noise of the encryption does not run out either: the smudging is chosen so that
// he.MaxTiles tiles open, and no version has more (catalog.MaxTiles). Both are checked all
// the same, since a wrong figure would be the price of an oversight.
//
// # How it fails
//
// A verdict and a version that do not fit together are ordinary errors, a plan that is
// too large is [ErrTooLarge]. The package does not touch ciphertexts, and knows presence
// only through the interface [Presence].
package plan
