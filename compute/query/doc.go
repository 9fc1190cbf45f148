// Package query turns a subset of SQL into a catalog.Request, a request's
// verdict into a plan of homomorphic sums, and the opened sums into a result
// table. DESIGN sections 5, 6 and 10 are its contract.
//
// The four steps run in different places. [Compile] runs at the buyer's client
// (or at a node, for thin clients), so that a change of the parser never makes
// two nodes apply one entry differently. [NewPlan] runs at every node of an
// attempt and again at the client: it is a pure function of the descriptor, the
// dataset version and the verdict ([NewPrivatePlan]: and the version's presence),
// and [Plan.Digest] is what they compare.
// [Compiled.Table] runs at the client alone, on sums that only it can open.
//
// # Meaning of a query
//
// Attributes are text and compare byte by byte; an empty attribute is an empty
// string, not a NULL. A period literal stands for its whole interval: p = '2024'
// holds for the periods within 2024, p < '2024' for those that end before it
// begins, p <= '2024' for those that end within it or before, p > '2024' and
// p >= '2024' for those that begin after it ends and after it begins; BETWEEN
// includes the intervals of both ends. WHERE is a condition on entities AND one
// on periods; anything that mixes the two under OR or NOT is refused, because a
// group is an entity set times a period set (DESIGN section 8.2).
//
// A group's cells are the panel's cells that the verdict assigns to it. COUNT(m)
// counts those in which m is present, without the ones that the verdict excludes
// for the column m; SUM and AVG are over exactly the cells that COUNT(m) counts.
// COUNT(*) counts those in which any measure of the dataset is present; it names
// no column, so exclusions do not touch it. A group in which COUNT(*) would be 0
// is not returned.
//
// Statistics are made at the client of opened sums of centred readings, squares,
// products and counts of buckets ([Output].Form), in rational arithmetic, and rounded
// once; of two measures they are over the cells that both have. HAVING is a condition
// on a row's figures, SHARE_OF_TOTAL and YEAR_ON_YEAR relate them to those of other
// rows: none of these is part of the request.
//
// # Invariants
//
//   - The request is canonical: predicates and period sets that mean the same
//     and differ in order, nesting, duplicates or spelling compile to the same
//     bytes. Compile is deterministic and never reads a clock or a map in order.
//   - Tiles of one column and block share an accumulator exactly when their slot
//     maps are equal; tiles of which nothing is selected are not read.
//   - The last slot of every slot map is unselected: it is the tile's parity.
//   - No figure is printed that lies outside count × declared range, of buckets that
//     do not hold every reading once, or of squares and products that no readings have.
//
// # How it fails
//
// Everything wrong with a query's text is an [*Error] with line, column, the
// text at fault, what would have been accepted and, for a misspelt name, the
// nearest valid one. A sum that cannot be is a [*CheckError]. A verdict and a
// version that do not fit together are ordinary errors. Nothing here panics on
// bad input; text is limited to [MaxSQL] bytes and nesting to [MaxNesting].
//
// # Noise
//
// A noised verdict's plan carries the law of the noise that each node adds to
// the numbers of a column, calibrated to what one entity's record can move
// ([Plan].Noise, PROTOCOL section 8). The law is part of the plan's digest, so
// members that would add different noise do not open together. The client's
// range check allows for the noise and no more, and the table states it with
// each figure's 95 % interval. How often such a query may be asked is the
// catalog's business. One loss is not bounded here: delta adds up over the
// attempts of all queries, and only epsilon has a ledger.
//
// # Private vectors
//
// entity IN PRIVATE(name) and PRIVATE(name) as a weight name a private vector of
// whoever asks, which only its owner knows (PROTOCOL section 6). A selector can
// only narrow the whole query: under OR or NOT it would form groups that no node
// could tell. COUNTs within it, and the sums of weights, are private numbers of the
// plan like sums, but made of the vector and public presence alone: they need no
// opening and carry no noise. An exact sum within a selector leaves out the cells of
// entities that do not count in the policy's period, and so do COUNT(m) and AVG of
// that measure; COUNT(*) does not. A weighted aggregate is over the cells in which
// its measure is present, without one over those in which any is: SUM(PRIVATE(w))
// takes an entity's weight once a period. Such a plan has no parity number, because
// on a product it would be the grand total; counts and weights are checked against
// public presence, sums against weights × range.
//
// # What it does not do
//
// It does not judge: whether a query is allowed is the catalog's decision when
// the request is applied. It does not touch ciphertexts, and knows presence only
// through the interface [Presence].
package query
