// Package judge decides on queries: what a signed request and the state come to, as a
// verdict or as a refusal that says what would pass. It reads the state by way of package
// records and writes nothing, so a node that previews a query and every node that applies
// it decide alike.
//
// The order of the checks is the order of a refusal's precedence: what the query names,
// what descriptors and contracts allow, which versions it is of, what the release rule
// (package disclosure) gives its groups, the places of an exact portfolio, and last what
// contracts, accounts of epsilon and keys can still pay. None of them may be left out:
// each holds where the others say nothing.
package judge
