// Package sql turns the text of a query, in the subset of SQL of LANGUAGE.md, into a
// catalog.Request and the shape of its result ([Compiled]). It runs at the buyer's client,
// or at a node for thin clients, so that a change of the parser never makes two nodes apply
// one entry differently. HAVING and figures relative to other rows are not part of the
// request: package result computes them.
//
// The request is canonical: predicates and period sets that mean the same and differ in
// order, nesting, duplicates or spelling compile to the same bytes. Compiling is
// deterministic and never reads a clock or a map in order. It does not judge: whether a
// query is allowed is the catalog's decision when the request is applied.
//
// Everything wrong with a query's text is an [*Error] with line, column, the text at
// fault, what would have been accepted and, for a misspelt name, the nearest valid one.
// Nothing here panics on bad input; text is limited to [MaxSQL] bytes and nesting to
// [MaxNesting].
package sql
