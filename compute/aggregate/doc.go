// Package aggregate is the table of the functions that a query can ask for: one row each,
// with its names, its arguments, the arithmetic that makes its figures of opened sums, and
// how they are shown. What the ledger has to know, which columns of sums a function opens
// and which names of a policy grant it, is a row of the table in catalog/functions.go: a
// new function is a row here, and one there if it opens other columns or has a name of its
// own in policies.
//
// All arithmetic is exact, in integers and fractions; a figure is rounded once, when it is
// written ([Quantity]).
package aggregate
