// Package api is a node's HTTP API: gin routes it, huma describes it as OpenAPI
// 3.1 and checks bodies against the schemas, and every error is problem+json
// (RFC 9457, package wire).
//
// What may be asked stands in one table, routes: method, path, who may, how
// large a body, how long it may take. One gate in front of everything looks
// the request up there and refuses what has no row (default deny), so a handler
// that is mounted by mistake answers nobody. The gate checks the token (package
// token), the caller's role and how many requests of that caller are under way;
// handlers decide only which records belong to the caller.
//
// The package keeps no state of its own but who is under way and waits, and short memories
// of principals' keys and of explanations. Everything else is behind three interfaces that package
// node implements: Backend (the ledger), Blobs and Health.
//
// By what its row says that a request costs, the gate admits it: each kind of work has so many places and bytes, a bounded queue in which callers take
// turns and strangers come last, and refuses with 503 and Retry-After what has no place.
// Compiling and judging runs on all cores but one and ends with its caller; what a query is
// explained to be is computed once in a state of the ledger.
//
// How it fails: no majority of nodes is 503 "no-quorum" with Retry-After; an
// outcome that is not known in time is 504, and the same envelope may be sent
// again, because it is applied once; a refusal by the state machine keeps its
// kind, rule and numbers, in the status that package catalog documents; a panic
// is logged and answered with 500. Internal errors are logged and never sent.
//
// It does not terminate TLS, does not verify envelopes (the state machine
// does), and gives no sealed share to anyone but the query's owner.
package api
