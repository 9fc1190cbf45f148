// Package postgres speaks Postgres' protocol for tools on this machine: psql, BI tools, data frames. Datasets are tables,
// dimensions and measures their columns; POSTGRES.md says what is answered and what is not.
//
// It is built on pgx's pgproto3, which encodes and decodes messages and bounds their length (server.go). psql-wire, the
// other candidate, has a server of its own around them, with a handler for each statement: it has no SCRAM and no
// portals that give out some of their rows at a time, and its handler would have to be told of a transaction's state,
// notices and cancellation through its context. What is left of it, when that is written anew, is what pgproto3 is.
//
// A query is planned (plan.go): what asks for figures of a dataset is brought to Weir's language (rewrite.go) and
// answered from the own store or by the nodes (figures.go); the rest, and what reads public columns or the catalogue,
// by package pgcatalog. Nothing is asked of the nodes that would cost unless the session says SET weir.spend = on.
package postgres
