// Package sql turns the text of a query, in a subset of SQL, into a catalog.Request and
// the shape of its result ([Compiled]). It runs at the buyer's client, or at a node for
// thin clients, so that a change of the parser never makes two nodes apply one entry
// differently.
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
// group is an entity set times a period set.
//
// HAVING is a condition on a row's figures, SHARE_OF_TOTAL and YEAR_ON_YEAR relate them
// to those of other rows: none of these is part of the request, and package result
// computes them.
//
// # Private vectors
//
// entity IN PRIVATE(name) and PRIVATE(name) as a weight name a private vector of
// whoever asks, which only its owner knows. A selector can only narrow the whole query:
// under OR or NOT it would form groups that no node could tell. PIECE(name) groups by
// the pieces of the partition that the query is within.
//
// # Invariants
//
// The request is canonical: predicates and period sets that mean the same and differ in
// order, nesting, duplicates or spelling compile to the same bytes. Compiling is
// deterministic and never reads a clock or a map in order.
//
// # How it fails
//
// Everything wrong with a query's text is an [*Error] with line, column, the text at
// fault, what would have been accepted and, for a misspelt name, the nearest valid one.
// Nothing here panics on bad input; text is limited to [MaxSQL] bytes and nesting to
// [MaxNesting].
//
// # What it does not do
//
// It does not judge: whether a query is allowed is the catalog's decision when the
// request is applied. It knows no presence, plan or sum.
package sql
